/* workers.c - processes that the broker asked for.  Runs in: supervisor. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "daemon/supervisor/supervisor.h"
#include "lib/alloc.h"
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
	for (size_t i = 0; i < s->plan->settings.n; i++) {
		args_add(argv, "--set");
		args_add(argv, s->plan->settings.v[i]);
	}
	args_addf(argv, "%*s", TITLE_PAD_BYTES, "");
}

static int
launch_worker(const struct supervisor *s, const struct control_msg *m, const int *fds, size_t nfds,
    struct child *out)
{
	struct args	argv = { 0 };
	struct launch	l = { .program = program_of(s, m), .fds = fds, .nfds = nfds };
	int		rc;

	if (nfds != lanes[m->lane].nfds)
		return -EINVAL;
	make_argv(s, m, &argv);
	l.argv = argv.v;
	rc = launch(&l, out);
	args_free(&argv);
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
	post_send(s, &m, pidfd);
}

void
workers_start(struct supervisor *s, const struct control_msg *m, const int *fds, size_t nfds)
{
	struct worker	*w;
	struct child	 child;
	int		 rc;

	if ((rc = launch_worker(s, m, fds, nfds, &child)) != 0) {
		log_error("worker not started name=%s errno=%d", m->name, -rc);
		answer(s, m, CONTROL_STARTED, rc, 0, -1);
		return;
	}
	w = mem_zalloc(1, sizeof(*w));
	w->child = child;
	w->about = *m;
	list_push_back(&s->workers, &w->link);
	supervisor_record(s);
	log_debug("worker started name=%s pid=%d gen=%u", m->name, (int)child.pid, m->gen);
	answer(s, m, CONTROL_STARTED, child.pid, 0, child.pidfd);
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

bool
workers_exited(struct supervisor *s, pid_t pid, int status)
{
	struct worker	*w = find_worker(s, pid);

	if (w == NULL)
		return false;
	log_debug("worker ended name=%s pid=%d status=%d", w->about.name, (int)pid, status);
	answer(s, &w->about, CONTROL_EXITED, pid, status, -1);
	list_remove(&w->link);
	fd_close(&w->child.pidfd);
	free(w);
	supervisor_record(s);
	return true;
}

void
workers_kill_all(struct supervisor *s)
{
	list_for (node, &s->workers) {
		struct worker	*w = list_entry(node, struct worker, link);

		pidfd_send_signal(w->child.pidfd, SIGKILL, NULL, 0);
	}
}
