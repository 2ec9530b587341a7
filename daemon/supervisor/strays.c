/* strays.c - what a dead worker left.  Runs in: supervisor. */
#include "daemon/supervisor/strays.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/supervisor/supervisor.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"

#define CHILDREN_BYTES	(1 << 20)
#define PASSES		8

struct pids {
	pid_t	*v;
	size_t	 n;
};

void
strays_adopt(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		log_warn("what workers leave cannot be adopted errno=%d", errno);
}

static bool
has(const struct pids *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i] == pid)
			return true;
	}
	return false;
}

static void
add(struct pids *p, pid_t pid)
{
	p->v = mem_resize(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = pid;
}

/* Children that this thread has started, or adopted. */
static void
add_children(struct pids *out, pid_t pid, const char *thread)
{
	char	 path[64], *text, *at, *end;
	long	 child;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)pid, thread);
	if ((text = fd_read_file(path, CHILDREN_BYTES, NULL)) == NULL)
		return;			/* it is gone */
	for (at = text; (child = strtol(at, &end, 10)) > 0; at = end) {
		if (!has(out, (pid_t)child))
			add(out, (pid_t)child);
	}
	free(text);
}

static void
add_all_children(struct pids *out, pid_t pid)
{
	char		 path[32];
	struct dirent	*e;
	DIR		*d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.')
			add_children(out, pid, e->d_name);
	}
	closedir(d);
}

/* One of ours, or started by one of ours that lives. */
static bool
is_known(const struct supervisor *s, pid_t pid)
{
	pid_t	session = getsid(pid);

	if (pid == s->broker.pid)
		return true;
	list_for (node, &s->workers) {
		const struct worker	*w = list_entry(node, struct worker, link);

		if (w->child.pid != 0 && (w->child.pid == pid || w->child.pid == session))
			return true;
	}
	return false;
}

static void
find_strays(const struct supervisor *s, struct pids *out)
{
	struct pids	children = { 0 };

	add_all_children(&children, getpid());
	for (size_t i = 0; i < children.n; i++) {
		if (!is_known(s, children.v[i]))
			add(out, children.v[i]);
	}
	free(children.v);
}

/*
 * All below them too, and none of them goes on to start others: they are stopped, until a pass over
 * all finds nobody new.
 */
static void
stop_trees(struct pids *p)
{
	size_t	before = 0;

	for (int pass = 0; pass < PASSES && before < p->n; pass++) {
		before = p->n;
		for (size_t i = 0; i < p->n; i++) {
			kill(p->v[i], SIGSTOP);
			add_all_children(p, p->v[i]);
		}
	}
}

size_t
strays_kill(const struct supervisor *s)
{
	struct pids	p = { 0 };
	size_t		children, left = 0;

	find_strays(s, &p);
	children = p.n;
	stop_trees(&p);
	for (size_t i = 0; i < p.n; i++) {
		/* what is not ours to kill would be waited for in vain */
		if (kill(p.v[i], SIGKILL) != 0 && errno == EPERM)
			log_warn("left by a worker and out of reach pid=%d", (int)p.v[i]);
		else if (i < children)
			left++;
	}
	free(p.v);
	return left;
}
