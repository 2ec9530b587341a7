/*
 * tree.c - the processes of an attempt, and their end.  Runs in: exec workers, loop thread.
 *
 * No signal goes to a pid that may have been given to another process: the worker's own children
 * keep theirs until it reaps them, and anybody deeper is signalled through a pidfd that was opened
 * before its parent was seen to be one of the tree.
 */
#include "workers/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/map.h"
#include "workers/proc.h"

#define WALKS_MAX	8	/* in one pass: who forks faster is met again in the next */

/* A process of a tree that is not its main one. */
struct member {
	struct list	 link;
	struct tree	*tree;		/* NULL: nobody knows */
	pid_t		 pid;
	uint64_t	 start;
	uint64_t	 latest;	/* tree NULL: the newest tree when it was found */
	bool		 child;		/* the worker's */
};

static struct idmap	mains, members;		/* by pid: struct tree, struct member */
static struct list	trees, strays;
static int		children_fd = -1;
static uint64_t		numbers;

int
tree_init(void)
{
	char	path[64];

	list_init(&trees);
	list_init(&strays);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	children_fd = open(path, O_RDONLY | O_CLOEXEC);
	return children_fd >= 0 ? 0 : -errno;
}

/* ---- members ---- */

static void
forget(struct member *m)
{
	idmap_del(&members, (uint64_t)m->pid);
	if (m->tree != NULL && m->child)
		m->tree->children--;
	list_remove(&m->link);
	free(m);
}

static struct member *
remember(struct tree *t, pid_t pid, uint64_t start)
{
	struct member	*m = idmap_get(&members, (uint64_t)pid);

	if (m != NULL && m->start == start && m->tree == t)
		return m;
	if (m != NULL)			/* another process by now */
		forget(m);
	m = mem_zalloc(1, sizeof(*m));
	*m = (struct member){ .tree = t, .pid = pid, .start = start, .latest = numbers };
	list_push_back(t == NULL ? &strays : &t->members, &m->link);
	idmap_put(&members, (uint64_t)pid, m);
	return m;
}

void
tree_begin(struct tree *t, pid_t main, uint64_t job, uint64_t fence)
{
	*t = (struct tree){ .main = main, .main_alive = true, .job = job, .fence = fence,
	    .number = ++numbers };
	list_init(&t->members);
	list_push_back(&trees, &t->link);
	idmap_put(&mains, (uint64_t)main, t);
}

void
tree_end(struct tree *t)
{
	struct member	*m;

	list_for_safe(node, after, &t->members) {
		m = list_entry(node, struct member, link);
		forget(m);
	}
	/* with its session gone its number may be another's by now */
	if (idmap_get(&mains, (uint64_t)t->main) == t)
		idmap_del(&mains, (uint64_t)t->main);
	list_remove(&t->link);
}

void
tree_fini(void)
{
	list_for_safe(node, after, &strays)
		forget(list_entry(node, struct member, link));
	idmap_free(&mains);
	idmap_free(&members);
	if (children_fd >= 0)
		close(children_fd);
	children_fd = -1;
}

struct tree *
tree_of_main(pid_t pid)
{
	struct tree	*t = idmap_get(&mains, (uint64_t)pid);

	return t != NULL && t->main_alive ? t : NULL;
}

struct tree *
tree_reaped(pid_t pid, bool *was_main)
{
	struct tree	*t = tree_of_main(pid);
	struct member	*m;

	*was_main = t != NULL;
	if (t != NULL) {
		t->main_alive = false;
		return t;
	}
	if ((m = idmap_get(&members, (uint64_t)pid)) == NULL)
		return NULL;
	t = m->tree;
	forget(m);
	return t;
}

bool
tree_is_gone(const struct tree *t)
{
	return !t->main_alive && t->children == 0;
}

/* ---- whose is it? ---- */

static bool
is_named(const struct tree *t, const struct buf *environ_text)
{
	char	job[48], fence[48];

	snprintf(job, sizeof(job), "JOBD_JOB_ID=%llu", (unsigned long long)t->job);
	snprintf(fence, sizeof(fence), "JOBD_FENCE=%llu", (unsigned long long)t->fence);
	return proc_environ_has(environ_text, job) && proc_environ_has(environ_text, fence);
}

static struct tree *
tree_of_environment(pid_t pid)
{
	struct tree	*found = NULL;
	struct buf	 text = { 0 };

	proc_environ(pid, &text);
	list_for (node, &trees) {
		struct tree	*t = list_entry(node, struct tree, link);

		if (is_named(t, &text)) {
			found = t;
			break;
		}
	}
	buf_free(&text);
	return found;
}

/*
 * A session's number is nobody else's pid as long as it has a process, so a tree whose main process
 * is dead is still the right one.
 */
static struct tree *
owner_of(pid_t pid, const struct proc_stat *st)
{
	struct tree	*t = idmap_get(&mains, (uint64_t)st->session);

	return t != NULL ? t : tree_of_environment(pid);
}

static void
adopt(pid_t pid)
{
	struct member		*m = idmap_get(&members, (uint64_t)pid);
	struct proc_stat	 st;
	struct tree		*t;

	if (m != NULL && m->child)		/* ours until we reap it: the same one */
		return;
	if (proc_stat(pid, &st) != 0 || proc_is_dead(&st))
		return;
	t = m != NULL && m->start == st.start ? m->tree : owner_of(pid, &st);
	m = remember(t, pid, st.start);
	m->child = true;
	if (t != NULL)
		t->children++;
}

/* What nobody knows goes when all have ended that could have made it. */
static void
kill_strays(void)
{
	uint64_t	oldest = list_empty(&trees) ? UINT64_MAX :
	    list_entry(trees.next, struct tree, link)->number;

	list_for_safe(node, after, &strays) {
		struct member	*m = list_entry(node, struct member, link);

		if (m->child && m->latest < oldest)
			kill(m->pid, SIGKILL);
	}
}

void
tree_look(void)
{
	struct pids	now = { 0 };

	proc_children_of(children_fd, &now);
	for (size_t i = 0; i < now.n; i++)
		if (tree_of_main(now.v[i]) == NULL)
			adopt(now.v[i]);
	pids_free(&now);
	if (!list_empty(&strays))
		kill_strays();
}

/* ---- the end ---- */

/* What a pass has found. */
struct found {
	pid_t	pid;
	int	pidfd;		/* -1: the worker's child */
};

struct pass {
	struct tree	*tree;
	struct found	*v;
	size_t		 n, cap, walked;
	struct idmap	 seen;
	bool		 full;		/* no descriptors are left: the others wait for the next */
};

static void
send_to(const struct found *f, int sig)
{
	if (f->pidfd < 0)
		kill(f->pid, sig);
	else
		pidfd_send_signal(f->pidfd, sig, NULL, 0);
}

static void
add_found(struct pass *p, pid_t pid, int pidfd)
{
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 64 : 2 * p->cap;
		p->v = mem_resize(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n] = (struct found){ pid, pidfd };
	send_to(&p->v[p->n++], SIGSTOP);
	idmap_put(&p->seen, (uint64_t)pid, p->tree);
}

/* Is it still this parent's child, now that the pidfd holds on to it? */
static void
add_child(struct pass *p, pid_t parent, pid_t pid)
{
	struct proc_stat	st;
	int			pidfd;

	if (idmap_get(&p->seen, (uint64_t)pid) != NULL || p->full)
		return;
	if ((pidfd = pidfd_open(pid, 0)) < 0) {
		p->full = errno == EMFILE || errno == ENFILE;
		return;
	}
	if (proc_stat(pid, &st) != 0 || st.parent != parent || proc_is_dead(&st)) {
		close(pidfd);
		return;
	}
	remember(p->tree, pid, st.start);
	add_found(p, pid, pidfd);
}

static void
walk(struct pass *p)
{
	struct pids	children = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		pid_t	parent = p->v[i].pid;

		children.n = 0;
		proc_children(parent, &children);
		for (size_t k = 0; k < children.n; k++)
			add_child(p, parent, children.v[k]);
	}
	pids_free(&children);
}

static void
find_all(struct pass *p)
{
	struct tree	*t = p->tree;

	if (t->main_alive)
		add_found(p, t->main, -1);
	list_for (node, &t->members) {
		const struct member	*m = list_entry(node, struct member, link);

		if (m->child)
			add_found(p, m->pid, -1);
	}
	/* who forked between the look at it and its stop is found by the next walk */
	for (int i = 0; i < WALKS_MAX && p->walked != p->n && !p->full; i++) {
		p->walked = p->n;
		walk(p);
	}
}

void
tree_kill(struct tree *t)
{
	struct pass	p = { .tree = t };

	t->killing = true;
	find_all(&p);
	for (size_t i = 0; i < p.n; i++) {
		send_to(&p.v[i], SIGKILL);
		if (p.v[i].pidfd >= 0)
			close(p.v[i].pidfd);
	}
	idmap_free(&p.seen);
	free(p.v);
}

/* ---- what it has used ---- */

void
tree_cpu(const struct tree *t, int64_t *user_us, int64_t *system_us)
{
	struct proc_stat	st;
	struct pids		all = { 0 };

	*user_us = *system_us = 0;
	if (t->main_alive)
		pids_add(&all, t->main);
	list_for (node, &t->members) {
		const struct member	*m = list_entry(node, struct member, link);

		if (m->child)
			pids_add(&all, m->pid);
	}
	for (size_t i = 0; i < all.n; i++) {
		if (proc_stat(all.v[i], &st) != 0)
			continue;
		*user_us += st.user_us;
		*system_us += st.system_us;
		proc_children(all.v[i], &all);
	}
	pids_free(&all);
}
