/*
 * fake_broker.c - stands in for jobd-broker and, under that name, for jobd-worker, to test the
 * supervisor.
 *
 * As a broker it obeys one line at a time of one client of its first listener:
 *   pid | argv | fds             what it is
 *   start cpu|io|exec|language NAME [POOL]  asks for a worker: `PID` and what the worker says of itself
 *   misstart                     asks for a worker with too few descriptors: the error
 *   flood N                      N times that, before it reads an answer: how many came
 *   exited                       waits for a worker's end: `PID STATUS GEN NAME`
 *   reloads                      waits for a reload: how many there were
 *   settings TEXT                waits for settings with this text in them, or for a refusal's
 *   catalog N                    waits for the N-th catalog: N and its text
 *   garbage                      breaks the control protocol, then stays
 *   fail                         says that it cannot serve, and ends
 * FAKE_BROKER in the environment makes it ill: die, fail, config, deaf (to DRAIN), stubborn (to
 * STOP too).
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/title.h"
#include "proto/config.h"
#include "proto/control.h"
#include "proto/settings.h"

#define LISTENER	(CONTROL_BROKER_FD + 1)

static int	reloads;
static struct control_msg ended;	/* the end of a worker that came before it was asked for */
static uint32_t	generation;
static char	catalog[4200];	/* the last one */
static int	catalogs;
static char	settings[4200];	/* the last ones, or why they are not reloaded */

static void
put_argv(struct buf *out, char **argv)
{
	for (size_t i = 0; argv[i] != NULL; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : "|", argv[i]);
}

static void
put_fds(struct buf *out, int except)
{
	DIR		*d = opendir("/proc/self/fd");
	struct dirent	*e;
	bool		 open[64] = { false };

	while ((e = readdir(d)) != NULL) {
		int	fd = atoi(e->d_name);

		if (e->d_name[0] != '.' && fd != dirfd(d) && fd != except && fd < 64)
			open[fd] = true;
	}
	closedir(d);
	for (int fd = 0; fd < 64; fd++) {
		if (open[fd])
			buf_printf(out, "%s%d", fd == 0 ? "" : ",", fd);
	}
}

/* ---- as a worker ---- */

static int
blocked_or_ignored(void)
{
	sigset_t		mask;
	struct sigaction	sa;
	int			n = 0;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (int sig = 1; sig < 32; sig++) {
		n += sigismember(&mask, sig);
		n += sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
	}
	return n;
}

static _Noreturn void
work(char **argv)
{
	struct buf	out = { 0 };
	int		death = 0;

	prctl(PR_GET_PDEATHSIG, &death);
	put_argv(&out, argv);
	buf_puts(&out, " fds=");
	put_fds(&out, -1);
	buf_printf(&out, " death=%d signals=%d leader=%d", death, blocked_or_ignored(),
	    getsid(0) == getpid());
	fd_write_all(CONTROL_WORKER_A, buf_data(&out), buf_len(&out));
	for (;;)
		pause();
}

/* ---- as a broker ---- */

/* Says it of one that can still be written to. */
static void
take_catalog(int fd)
{
	char	text[4096];
	ssize_t	n = pread(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	snprintf(catalog, sizeof(catalog), "%d %s%s", ++catalogs, text,
	    pwrite(fd, "x", 1, 0) >= 0 || ftruncate(fd, 0) == 0 ? " NOT SEALED" : "");
	close(fd);
}

static void
send_all(const struct control_msg *m, const int *fds, size_t nfds)
{
	struct pollfd	p = { .fd = CONTROL_BROKER_FD, .events = POLLOUT };

	while (control_send(CONTROL_BROKER_FD, m, fds, nfds) == -EAGAIN)
		poll(&p, 1, -1);
}

/* One a line, each with its origin. */
static void
take_settings(int fd)
{
	struct settings	all;
	struct config	config;
	char		why[512];
	size_t		len = 0;

	settings_init(&all);
	config_init(&config);
	if (settings_receive(fd, &all, &config, why, sizeof(why)) != 0)
		exit(11);
	settings[0] = '\0';
	list_for(node, &all.all) {
		const struct setting	*s = list_entry(node, struct setting, link);

		len += (size_t)snprintf(settings + len, sizeof(settings) - len, "%s (%s)|", s->text,
		    s->origin);
		if (len >= sizeof(settings))
			exit(12);
	}
	config_fini(&config);
	settings_fini(&all);
	close(fd);
}

/* What is new is good, unless jobs.factor is 7. */
static void
take_reload(const int *fds, size_t nfds)
{
	struct control_msg	m = { .kind = CONTROL_RELOADED };

	if (nfds != 2)
		exit(13);
	take_settings(fds[0]);
	take_catalog(fds[1]);
	if (strstr(settings, "jobs.factor=7 ") != NULL) {
		m.status = -EINVAL;
		strcpy(m.text, "the broker does not like 7");
	}
	reloads++;
	send_all(&m, NULL, 0);
}

/* Waits for a message; those of the end are obeyed at once. */
static void
await_message(struct control_msg *m, int fds[CONTROL_FDS_MAX], size_t *nfds)
{
	struct pollfd	 p = { .fd = CONTROL_BROKER_FD, .events = POLLIN };
	const char	*illness = getenv("FAKE_BROKER");
	bool		 stubborn = illness != NULL && strcmp(illness, "stubborn") == 0;
	bool		 deaf = stubborn || (illness != NULL && strcmp(illness, "deaf") == 0);
	int		 rc;

	for (;;) {
		while ((rc = control_receive(CONTROL_BROKER_FD, m, fds, nfds)) == -EAGAIN)
			poll(&p, 1, -1);
		if (rc != 1)
			exit(9);
		if (m->kind == CONTROL_RELOAD)
			take_reload(fds, *nfds);
		if (m->kind == CONTROL_SETTINGS && *nfds == 1)
			take_settings(fds[0]);
		if (m->kind == CONTROL_NOT_RELOADED)
			snprintf(settings, sizeof(settings), "%s {%s}", m->text, m->data);
		if ((m->kind == CONTROL_DRAIN && !deaf) || (m->kind == CONTROL_STOP && !stubborn))
			exit(0);
		if (m->kind == CONTROL_CATALOG && *nfds == 1)
			take_catalog(fds[0]);
		if (m->kind == CONTROL_STARTED || m->kind == CONTROL_EXITED ||
		    m->kind == CONTROL_RELOAD || m->kind == CONTROL_CATALOG ||
		    m->kind == CONTROL_SETTINGS || m->kind == CONTROL_NOT_RELOADED)
			return;
	}
}

static void
await_answer(struct control_msg *m, int fds[CONTROL_FDS_MAX], size_t *nfds)
{
	do
		await_message(m, fds, nfds);
	while (m->kind != CONTROL_STARTED && m->kind != CONTROL_EXITED);
}

static _Noreturn void
fail(void)
{
	struct control_msg	m = { .kind = CONTROL_FAILED };

	strcpy(m.text, "the store is on fire");
	send_all(&m, NULL, 0);
	exit(1);
}

static void
start_worker(struct buf *out, const char *lane, const char *name, const char *pool)
{
	struct control_msg	m = { .kind = CONTROL_START };
	bool			foreign = strcmp(lane, "language") == 0;
	int			pair[2], fds[CONTROL_FDS_MAX], received[CONTROL_FDS_MAX];
	size_t			nfds;
	char			text[2048];
	ssize_t			n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		exit(10);
	for (size_t i = 0; i < CONTROL_FDS_MAX; i++)
		fds[i] = pair[1];
	m.gen = ++generation;
	m.worker = 5;
	m.lane = foreign ? CONTROL_LANE_LANGUAGE : strcmp(lane, "exec") == 0 ? CONTROL_LANE_EXEC :
	    strcmp(lane, "io") == 0 ? CONTROL_LANE_IO : CONTROL_LANE_CPU;
	snprintf(m.pool, sizeof(m.pool), "%s", pool == NULL ? "" : pool);
	snprintf(m.name, sizeof(m.name), "%s", name);
	send_all(&m, fds, foreign || m.lane == CONTROL_LANE_CPU ? 3 : 4);
	close(pair[1]);
	await_answer(&m, received, &nfds);
	n = read(pair[0], text, sizeof(text));
	close(pair[0]);
	for (ssize_t i = 0; i < n; i++)
		text[i] = text[i] == '\n' || text[i] == '\0' ? '|' : text[i];
	if (m.kind != CONTROL_STARTED || m.gen != generation || m.worker != 5 || nfds != 1)
		buf_printf(out, "bad answer kind=%u pid=%d nfds=%zu", m.kind, m.pid, nfds);
	else
		buf_printf(out, "%d %.*s", m.pid, (int)(n < 0 ? 0 : n), text);
	while (nfds > 0)
		close(received[--nfds]);
}

static void
misstart(struct buf *out, int times)
{
	struct control_msg	m = { .kind = CONTROL_START };
	int			fds[CONTROL_FDS_MAX], last = 0, answered;
	size_t			nfds;

	for (int i = 0; i < times; i++)
		send_all(&m, NULL, 0);
	for (answered = 0; answered < times; answered++) {
		await_answer(&m, fds, &nfds);
		if (m.kind != CONTROL_STARTED || nfds != 0)
			break;
		last = m.pid;
	}
	buf_printf(out, "%d %d", answered, last);
}

static void
obey(struct buf *out, char **argv, char *line, int client)
{
	struct control_msg	 m;
	int			 fds[CONTROL_FDS_MAX];
	size_t			 nfds;
	char			*save, *verb = strtok_r(line, " \n", &save);
	char			*a = strtok_r(NULL, " \n", &save), *b = strtok_r(NULL, " \n", &save);
	char			*c = strtok_r(NULL, " \n", &save);

	if (strcmp(verb, "pid") == 0) {
		buf_printf(out, "%d", (int)getpid());
	} else if (strcmp(verb, "argv") == 0) {
		put_argv(out, argv);
	} else if (strcmp(verb, "fds") == 0) {
		put_fds(out, client);
	} else if (strcmp(verb, "start") == 0) {
		start_worker(out, a, b, c);
	} else if (strcmp(verb, "misstart") == 0) {
		misstart(out, 1);
	} else if (strcmp(verb, "flood") == 0) {
		misstart(out, atoi(a));
	} else if (strcmp(verb, "exited") == 0) {
		if (ended.kind == CONTROL_EXITED)
			m = ended;
		else
			await_answer(&m, fds, &nfds);
		ended.kind = 0;
		buf_printf(out, "%d %d %u %s", m.pid, m.status, m.gen, m.name);
	} else if (strcmp(verb, "reloads") == 0) {
		while (reloads == 0)
			await_message(&m, fds, &nfds);
		buf_printf(out, "%d", reloads);
	} else if (strcmp(verb, "settings") == 0) {
		while (strstr(settings, a) == NULL)
			await_message(&m, fds, &nfds);
		buf_puts(out, settings);
	} else if (strcmp(verb, "catalog") == 0) {
		while (catalogs < atoi(a))
			await_message(&m, fds, &nfds);
		buf_puts(out, catalog);
	} else if (strcmp(verb, "fail") == 0) {
		fail();
	} else if (strcmp(verb, "garbage") == 0) {
		fd_send(CONTROL_BROKER_FD, "x", 1, NULL, 0);
	}
	buf_putc(out, '\n');
}

/* One client, line by line, until it goes; the supervisor's word comes first. */
static void
serve(char **argv, int client)
{
	struct pollfd		p[2] = { { .fd = CONTROL_BROKER_FD, .events = POLLIN },
	    { .fd = client, .events = POLLIN } };
	struct control_msg	m;
	int			fds[CONTROL_FDS_MAX];
	size_t			nfds;
	char			line[256];

	for (;;) {
		struct buf	out = { 0 };
		ssize_t		n;

		poll(p, 2, -1);
		if (p[1].revents != 0) {
			if ((n = read(client, line, sizeof(line) - 1)) <= 0)
				return;
			line[n] = '\0';
			obey(&out, argv, line, client);
			fd_write_all(client, buf_data(&out), buf_len(&out));
			buf_free(&out);
		} else if (p[0].revents != 0) {
			await_message(&m, fds, &nfds);
			if (m.kind == CONTROL_EXITED)
				ended = m;
		}
	}
}

static void
be_ill(void)
{
	const char	*illness = getenv("FAKE_BROKER");

	if (illness == NULL)
		return;
	if (strcmp(illness, "die") == 0)
		exit(3);
	if (strcmp(illness, "config") == 0)
		exit(78);
	if (strcmp(illness, "fail") == 0)
		fail();
}

int
main(int argc, char **argv)
{
	struct control_msg	m = { .kind = CONTROL_READY };
	struct pollfd		p[2] = { { .fd = CONTROL_BROKER_FD, .events = POLLIN },
	    { .fd = LISTENER, .events = POLLIN } };
	int			fds[CONTROL_FDS_MAX];
	size_t			nfds;

	title_init(&argc, argv);
	if (strcmp(argv[0], "jobd-worker") == 0 || strcmp(argv[0], "jobd-exec") == 0)
		work(argv);
	be_ill();
	send_all(&m, NULL, 0);
	for (;;) {
		poll(p, 2, -1);
		if (p[1].revents != 0) {
			int	client = accept(LISTENER, NULL, NULL);

			if (client >= 0)
				serve(argv, client);
			fd_close(&client);
		} else if (p[0].revents != 0) {
			await_message(&m, fds, &nfds);
		}
	}
}
