/* workers.c - processes that the broker asked for.  Runs in: supervisor. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "daemon/supervisor/cgroup.h"
#include "daemon/supervisor/strays.h"
#include "daemon/supervisor/supervisor.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/title.h"

static const struct {
	const char	*lane;
	size_t		 nfds;
} lanes[] = {
	[CONTROL_LANE_CPU] = { "cpu", 3 },	/* a, b, event */
	[CONTROL_LANE_IO] = { "io", 4 },	/* and kick */
	[CONTROL_LANE_PLUGIN] = { "plugin", 4 },
	[CONTROL_LANE_EXEC] = { "exec", 4 },
	[CONTROL_LANE_LANGUAGE] = { "language", 3 },	/* wire, stdout, stderr */
};

#define POOL_PROCESSES	2048	/* usual bound of a language worker: it may have 1,024 threads */
#define SETTLE_MS	10	/* from looking whether a group is empty to looking again */

static const char *
program_of(const struct supervisor *s, const struct control_msg *m)
{
	return m->lane == CONTROL_LANE_EXEC ? s->plan->exec_program : s->plan->worker_program;
}

static void
make_argv(const struct supervisor *s, const struct control_msg *m, struct args *argv)
{
	args_add(argv, m->lane == CONTROL_LANE_EXEC ? "jobd-exec" : "jobd-worker");
	args_addf(argv, "--lane=%s", lanes[m->lane].lane);
	args_addf(argv, "--name=%s", m->name);
	args_addf(argv, "--outcomes=%s/groups", s->plan->state_dir);
	plan_worker_args(s->plan, argv);
	args_addf(argv, "%*s", TITLE_PAD_BYTES, "");
}

/* Only these run what is not ours, which may leave more than itself. */
static bool
is_foreign(uint32_t lane)
{
	return lane == CONTROL_LANE_EXEC || lane == CONTROL_LANE_LANGUAGE;
}

/* ---- commands ---- */

/*
 * Whom the exec worker runs as: only somebody whom a file names, whatever the broker asks for.
 * NULL: nobody such.
 */
static const struct account *
exec_account(const struct supervisor *s, const char *pool)
{
	return pool[0] == '\0' ? &s->plan->jobs_account : catalog_user(&s->catalog, pool);
}

/* ---- programs of other languages ---- */

static void
make_env(const struct pool *p, const struct control_msg *m, struct args *env)
{
	bool	path = false, home = false, lang = false;

	list_for (node, &p->file.env) {
		const struct typefile_env	*e = list_entry(node, struct typefile_env, link);

		args_addf(env, "%s=%s", e->name, e->value);
		path = path || strcmp(e->name, "PATH") == 0;
		home = home || strcmp(e->name, "HOME") == 0;
		lang = lang || strcmp(e->name, "LANG") == 0;
	}
	if (!path)
		args_add(env, "PATH=/usr/local/bin:/usr/bin:/bin");
	if (!home)
		args_addf(env, "HOME=%s", p->account.home);
	if (!lang)
		args_add(env, "LANG=C.UTF-8");
	args_addf(env, "JOBD_FD=%d", LAUNCH_FD);
	args_addf(env, "JOBD_POOL=%s", p->file.name);
	args_addf(env, "JOBD_WORKER=%s", m->name);
}

static int
launch_program(const struct pool *p, const struct control_msg *m, const int *fds, int cgroup,
    struct child *out)
{
	struct args		 env = { 0 }, argv = { 0 };
	struct launch		 l = { .fds = fds, .nfds = 1, .foreign = true,
				     .cgroup = cgroup };
	int			 rc;

	make_env(p, m, &env);
	for (size_t i = 0; i < p->file.worker.n; i++)
		args_add(&argv, p->file.worker.v[i]);
	l.program = argv.v[0];
	l.argv = argv.v;
	l.env = env.v;
	l.cwd = p->file.cwd;
	l.out = fds[1];
	l.err = fds[2];
	if (p->account.uid != geteuid())
		l.as = &p->account;
	rc = launch(&l, out);
	args_free(&env);
	args_free(&argv);
	return rc;
}

/* ---- workers ---- */

/* Ours, but for whose it is: exec workers give HOME to commands.  group: what JOBD_CGROUP names. */
static void
make_own_env(const struct supervisor *s, const struct account *as, const char *group,
    struct args *env)
{
	static const char *const	whose[] = { "JOBD_CGROUP=", "HOME=", "USER=", "LOGNAME=" };
	bool				other = as->uid != geteuid();

	for (char **e = environ; *e != NULL; e++) {
		bool	kept = true;

		for (size_t i = 0; i < (other ? sizeof(whose) / sizeof(whose[0]) : 1); i++)
			kept = kept && strncmp(*e, whose[i], strlen(whose[i])) != 0;
		if (kept)
			args_add(env, *e);
	}
	if (other) {
		args_addf(env, "HOME=%s", as->home);
		args_addf(env, "USER=%s", as->name);
		args_addf(env, "LOGNAME=%s", as->name);
	}
	if (group[0] != '\0')
		args_addf(env, "JOBD_CGROUP=%s/%s", s->plan->cgroup.path, group);
}

static int
launch_own(const struct supervisor *s, const struct account *as, const struct worker *w,
    const int *fds, size_t nfds, int cgroup, struct child *out)
{
	const struct control_msg *m = &w->about;
	struct args		 argv = { 0 }, env = { 0 };
	struct launch		 l = { .program = program_of(s, m), .fds = fds, .nfds = nfds,
				     .cgroup = cgroup };
	int			 rc;

	make_own_env(s, as, w->group, &env);
	l.env = env.v;
	if (as->uid != geteuid())
		l.as = as;
	make_argv(s, m, &argv);
	l.argv = argv.v;
	rc = launch(&l, out);
	args_free(&argv);
	args_free(&env);
	return rc;
}

static int64_t
half_of_memory(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE);
}

static int64_t
said(int64_t value, int64_t usual)
{
	return value == TYPEFILE_UNSAID ? usual : value;
}

/* An exec worker bounds each command by itself.  0, *procs for the caller to close; -errno. */
static int
make_group(const struct supervisor *s, struct worker *w, const struct account *as,
    const struct pool *p, int *procs)
{
	struct cgroup_bounds	b = { 0, 0 };
	int			rc;

	*procs = -1;
	if (s->plan->cgroup.dir < 0 || !is_foreign(w->about.lane))
		return 0;
	if (p != NULL)
		b = (struct cgroup_bounds){ said(p->file.memory_max, half_of_memory()),
		    said(p->file.processes_max, POOL_PROCESSES) };
	snprintf(w->group, sizeof(w->group), "%s-%u", p == NULL ? "exec" : p->file.name,
	    w->about.gen);
	rc = cgroup_make(&s->plan->cgroup, w->group, p == NULL ? as : NULL, &b, procs);
	if (rc != 0)
		w->group[0] = '\0';
	return rc;
}

static int
launch_worker(const struct supervisor *s, struct worker *w, const int *fds, size_t nfds)
{
	const struct control_msg *m = &w->about;
	bool			 language = m->lane == CONTROL_LANE_LANGUAGE;
	const struct pool	*p = language ? catalog_pool(&s->catalog, m->pool) : NULL;
	const struct account	*as = m->lane == CONTROL_LANE_EXEC ? exec_account(s, m->pool) :
				    &s->plan->worker_account;
	int			 procs, rc;

	if (nfds != lanes[m->lane].nfds)
		return -EINVAL;
	if (language && p == NULL)
		return -ENOENT;
	if (as == NULL)
		return -EPERM;
	if ((rc = make_group(s, w, as, p, &procs)) != 0)
		return rc;
	rc = language ? launch_program(p, m, fds, procs, &w->child) :
	    launch_own(s, as, w, fds, nfds, procs, &w->child);
	fd_close(&procs);
	if (rc != 0 && w->group[0] != '\0')
		cgroup_remove(&s->plan->cgroup, w->group);
	return rc;
}

/* The broker's own words back, with what became of them. */
static void
answer(struct supervisor *s, const struct control_msg *about, enum control_kind kind, pid_t pid,
    int status, int pidfd)
{
	struct control_msg	m = *about;

	m.kind = kind;
	m.pid = pid;
	m.status = status;
	post_send(s, &m, &pidfd, pidfd >= 0);
}

void
workers_start(struct supervisor *s, const struct control_msg *m, const int *fds, size_t nfds)
{
	struct worker	*w = mem_zalloc(1, sizeof(*w));
	int		 rc;

	w->about = *m;
	if ((rc = launch_worker(s, w, fds, nfds)) != 0) {
		log_error("worker not started name=%s errno=%d", m->name, -rc);
		answer(s, m, CONTROL_STARTED, rc, 0, -1);
		free(w);
		return;
	}
	list_push_back(&s->workers, &w->link);
	supervisor_record(s);
	log_debug("worker started name=%s pid=%d gen=%u", m->name, (int)w->child.pid, m->gen);
	answer(s, m, CONTROL_STARTED, w->child.pid, 0, w->child.pidfd);
}

static struct worker *
find_worker(const struct supervisor *s, pid_t pid)
{
	list_for (node, &s->workers) {
		struct worker	*w = list_entry(node, struct worker, link);

		if (w->child.pid == pid)
			return w;
	}
	return NULL;
}

static void
bury(struct supervisor *s, struct worker *w)
{
	answer(s, &w->about, CONTROL_EXITED, w->pid, w->status, -1);
	list_remove(&w->link);
	free(w);
}

bool
workers_exited(struct supervisor *s, pid_t pid, int status)
{
	struct worker	*w = find_worker(s, pid);

	if (w == NULL)
		return false;
	log_debug("worker ended name=%s pid=%d status=%d", w->about.name, (int)pid, status);
	fd_close(&w->child.pidfd);
	w->pid = pid;
	w->status = status;
	w->child.pid = 0;
	supervisor_record(s);
	if (!is_foreign(w->about.lane))
		bury(s, w);
	else if (w->group[0] != '\0')
		cgroup_kill(&s->plan->cgroup, w->group);
	return true;
}

void
workers_settle(struct supervisor *s)
{
	bool	dead = false;

	s->settle_ns = 0;
	list_for (node, &s->workers)
		dead = dead || list_entry(node, struct worker, link)->child.pid == 0;
	if (!dead || strays_kill(s) > 0)
		return;
	list_for_safe (node, after, &s->workers) {
		struct worker	*w = list_entry(node, struct worker, link);

		if (w->child.pid != 0)
			continue;
		if (w->group[0] == '\0' || cgroup_remove(&s->plan->cgroup, w->group))
			bury(s, w);
		else		/* who is in it may be nobody's child here */
			s->settle_ns = clock_after_ms(clock_mono_ns(), SETTLE_MS);
	}
}

void
workers_kill(struct supervisor *s, const struct control_msg *m)
{
	list_for (node, &s->workers) {
		struct worker	*w = list_entry(node, struct worker, link);

		if (w->child.pid != 0 && w->about.worker == m->worker && w->about.gen == m->gen)
			pidfd_send_signal(w->child.pidfd, SIGKILL, NULL, 0);
	}
}

void
workers_kill_all(struct supervisor *s)
{
	list_for (node, &s->workers) {
		struct worker	*w = list_entry(node, struct worker, link);

		if (w->child.pid != 0)
			pidfd_send_signal(w->child.pidfd, SIGKILL, NULL, 0);
	}
}
