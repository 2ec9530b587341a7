/* channel_rig.c - a small broker for the crash tests of the channel. */
#include "tests/crash/channel_rig.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "proto/channel_layout.h"

#define JOB_BYTES_MAX	2048
#define STALL_MS	20000
#define HARVEST_MAX	256
#define SERVE_MAX	32

struct worker {
	struct channel	*ch;
	pid_t		 pid;
	int		 pidfd;
	uint32_t	 gen;
	bool		 dying;		/* killed; its death is not confirmed yet */
	int64_t		 moved_ns;	/* last completion, or when it became busy */
};

struct rig {
	struct rig_config	 cfg;
	struct rig_counts	 counts;
	struct worker		 workers[RIG_WORKERS];
	int			 epoll;
	pthread_mutex_t		 lock;		/* pidfds, for rig_signal */
	uint8_t			*ledger;	/* outcomes of each job */
	uint64_t		 jobs, ledger_cap;
	uint64_t		*returned;	/* a stack: the front of the queue on top */
	size_t			 returned_len, returned_cap;
	int64_t			 moved_ns;
};

static _Thread_local uint64_t	random_state = 88172645463325252u;

static void
die(const char *what)
{
	fprintf(stderr, "channel rig: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint32_t
rig_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

void
rig_seed(uint64_t seed)
{
	random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/* ---- jobs ---- */

void
rig_answer(char *out, const char *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(in[i] ^ 0x5a);
}

/* A job's input follows from its number. */
static size_t
job_input(uint64_t job, char *in)
{
	size_t	len = 16 + (size_t)(job * 2654435761u >> 7) % (JOB_BYTES_MAX - 16);

	memset(in, (int)('a' + job % 26), len);
	memcpy(in, &job, sizeof(job));
	return len;
}

static bool
answer_is_right(uint64_t job, const struct channel_completion *c)
{
	static char	in[JOB_BYTES_MAX], want[JOB_BYTES_MAX], got[JOB_BYTES_MAX];
	size_t		len = job_input(job, in);

	memcpy(got, c->output, c->out_len);	/* copy, then look */
	rig_answer(want, in, len);
	return c->status == CHANNEL_OK && c->out_len == len && memcmp(got, want, len) == 0;
}

/* Job numbers travel as tags, which must not be NULL. */
static void *
job_tag(uint64_t job)
{
	return (void *)(uintptr_t)(job + 1);
}

static uint64_t
tag_job(void *tag)
{
	return (uint64_t)(uintptr_t)tag - 1;
}

static uint64_t
new_job(struct rig *r)
{
	if (r->jobs == r->ledger_cap) {
		r->ledger_cap = r->ledger_cap == 0 ? 1024 : r->ledger_cap * 2;
		r->ledger = mem_resize(r->ledger, r->ledger_cap, 1);
	}
	r->ledger[r->jobs] = 0;
	return r->jobs++;
}

static uint64_t
next_job(struct rig *r)
{
	return r->returned_len > 0 ? r->returned[--r->returned_len] : new_job(r);
}

static void
give_back(struct rig *r, uint64_t job)
{
	if (r->returned_len == r->returned_cap) {
		r->returned_cap = r->returned_cap == 0 ? 64 : r->returned_cap * 2;
		r->returned = mem_resize(r->returned, r->returned_cap, sizeof(*r->returned));
	}
	r->returned[r->returned_len++] = job;
}

static void
record(struct rig *r, const struct channel_completion *c)
{
	uint64_t	job = tag_job(c->tag);

	if (++r->ledger[job] != 1)
		r->counts.twice++;
	if (!answer_is_right(job, c) && r->cfg.check_answers)
		r->counts.wrong++;
	r->counts.recorded++;
}

/* ---- workers ---- */

static void
watch(struct rig *r, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event	ev = { .events = events, .data.u64 = data };

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static void
worker_main(struct rig *r, struct channel_fds *fds, unsigned incarnation)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rig_seed((uint64_t)getpid() << 20 | incarnation);
	r->cfg.work(fds, incarnation);
	_exit(0);
}

static void
worker_start(struct rig *r, unsigned n)
{
	struct worker		*w = &r->workers[n];
	struct channel_fds	 fds;
	int			 rc;

	w->gen++;
	if ((rc = channel_new_at(&r->cfg.channel, w->gen, r->cfg.first, &w->ch, &fds)) != 0) {
		errno = -rc;
		die("channel_new");
	}
	pthread_mutex_lock(&r->lock);
	if ((w->pid = fork()) < 0)
		die("fork");
	if (w->pid == 0)
		worker_main(r, &fds, w->gen - 1);
	if ((w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0)) < 0)
		die("pidfd_open");
	pthread_mutex_unlock(&r->lock);
	fd_close(&fds.a);
	fd_close(&fds.b);
	fd_close(&fds.event);
	fd_close(&fds.kick);
	w->dying = false;
	w->moved_ns = clock_mono_ns();
	watch(r, channel_event_fd(w->ch), EPOLLIN | EPOLLET, n << 1);
	watch(r, w->pidfd, EPOLLIN, n << 1 | 1);
}

/* Asks for its end; nothing is concluded before the pidfd tells it. */
static void
worker_kill(struct worker *w)
{
	syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	w->dying = true;
}

static void
worker_is_hostile(struct rig *r, struct worker *w, const char *why)
{
	struct rig_reason	*reason = r->counts.reasons;

	while (reason < &r->counts.reasons[RIG_REASONS - 1] && reason->why != NULL &&
	    reason->why != why)
		reason++;
	reason->why = why;
	reason->count++;
	r->counts.hostile++;
	worker_kill(w);
}

static bool
worker_harvest(struct rig *r, struct worker *w)
{
	struct channel_completion	 c;
	struct channel_line		 line;
	const char			*why;
	unsigned			 n = 0;
	int				 rc = 0;

	while (n < HARVEST_MAX && (rc = channel_harvest(w->ch, &c, &why)) >= 0) {
		while (channel_line_next(w->ch, &line, &why) == 1)
			;
		if (rc == 0)
			break;
		record(r, &c);
		channel_release(w->ch, c.token);
		n++;
	}
	if (rc == -EPROTO && !w->dying)
		worker_is_hostile(r, w, why);
	if (n > 0)
		w->moved_ns = r->moved_ns = clock_mono_ns();
	return n > 0;
}

/* What was in flight goes to the front of the queue, in its order. */
static void
take_back(struct rig *r, struct worker *w)
{
	uint64_t	jobs[BUFSIZ], at = 0, token;
	size_t		n = 0;
	void		*tag;

	while ((tag = channel_inflight_next(w->ch, &at, &token)) != NULL)
		jobs[n++] = tag_job(tag);
	r->counts.retries += n;
	while (n > 0)
		give_back(r, jobs[--n]);
}

static void
worker_reap(struct rig *r, struct worker *w)
{
	int		status;
	uint64_t	before = r->counts.recorded;

	while (worker_harvest(r, w))
		;
	r->counts.recovered += r->counts.recorded - before;
	take_back(r, w);
	/* Explicitly: children that were forked since have the same open files. */
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, channel_event_fd(w->ch), NULL);
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
	pthread_mutex_lock(&r->lock);
	fd_close(&w->pidfd);
	pthread_mutex_unlock(&r->lock);
	channel_free(w->ch);
	w->ch = NULL;
	if (waitpid(w->pid, &status, 0) != w->pid)
		die("waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) == RIG_LIED) {
		fprintf(stderr, "channel rig: a worker did what must be impossible\n");
		exit(1);
	}
	r->moved_ns = clock_mono_ns();
}

void
rig_signal(struct rig *r, uint32_t random, int sig)
{
	const struct worker	*w = &r->workers[random % r->cfg.workers];

	pthread_mutex_lock(&r->lock);
	if (w->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, w->pidfd, sig, NULL, 0);
	pthread_mutex_unlock(&r->lock);
}

/* ---- the loop ---- */

static void
worker_fill(struct rig *r, struct worker *w, bool new_ones)
{
	static char	in[JOB_BYTES_MAX];

	if (channel_inflight(w->ch) == 0)
		w->moved_ns = clock_mono_ns();
	while (channel_inflight(w->ch) < r->cfg.window && (r->returned_len > 0 || new_ones)) {
		uint64_t		job = next_job(r);
		size_t			len = job_input(job, in);
		struct iovec		iov = { .iov_base = in, .iov_len = len };
		struct channel_submit	s = { .op = CHANNEL_OP_RUN, .tag = job_tag(job), .in = &iov,
			.in_count = 1, .out_cap = JOB_BYTES_MAX };
		uint64_t		token;

		if (channel_submit(w->ch, &s, &token) != 0) {
			give_back(r, job);
			break;
		}
	}
	channel_publish(w->ch);
}

/* Reads hints as a broker would when somebody asks what runs. */
static void
look_at_hints(struct rig *r, struct worker *w)
{
	struct channel_progress	p;
	uint64_t		at = 0, token;

	if (channel_inflight_next(w->ch, &at, &token) == NULL)
		return;
	(void)channel_suspect(w->ch, token);
	if (channel_progress_read(w->ch, token, &p) && strlen(p.text) >= sizeof(p.text))
		r->counts.wrong++;
}

static void
check_slow(struct rig *r, struct worker *w)
{
	if (r->cfg.slow_ms == 0 || w->dying || channel_inflight(w->ch) == 0 ||
	    clock_mono_ns() - w->moved_ns < r->cfg.slow_ms * NS_PER_MS)
		return;
	r->counts.slow++;
	worker_kill(w);
}

static void
check_stall(struct rig *r)
{
	if (clock_mono_ns() - r->moved_ns < STALL_MS * NS_PER_MS)
		return;
	fprintf(stderr, "channel rig: nothing moved for %d ms: recorded %llu of %llu\n", STALL_MS,
	    (unsigned long long)r->counts.recorded, (unsigned long long)r->jobs);
	for (unsigned n = 0; n < r->cfg.workers; n++)
		fprintf(stderr, "  worker %u: %u in flight, %s\n", n,
		    channel_inflight(r->workers[n].ch),
		    channel_pending(r->workers[n].ch) ? "a completion waits" : "no completion");
	exit(3);
}

static void
told(struct rig *r, uint64_t data)
{
	struct worker	*w = &r->workers[data >> 1];
	const char	*why;

	if ((data & 1) == 0) {
		if (channel_woken(w->ch, &why) != 0 && !w->dying)
			worker_is_hostile(r, w, why);
		return;
	}
	r->counts.deaths++;
	worker_reap(r, w);
	worker_start(r, (unsigned)(data >> 1));
}

static void
sleep_until_told(struct rig *r, bool busy)
{
	struct epoll_event	events[2 * RIG_WORKERS];
	bool			pending = false;
	int			n;

	for (unsigned i = 0; i < r->cfg.workers; i++)
		channel_arm(r->workers[i].ch);
	channel_fence();
	for (unsigned i = 0; i < r->cfg.workers; i++)
		pending = channel_pending(r->workers[i].ch) || pending;
	/* A lost wake-up must show, so without slow_ms the only time-out is the watchdog's. */
	n = epoll_wait(r->epoll, events, (int)(sizeof(events) / sizeof(events[0])),
	    pending || busy ? 0 : r->cfg.slow_ms != 0 ? (int)r->cfg.slow_ms / 4 : STALL_MS);
	for (unsigned i = 0; i < r->cfg.workers; i++)
		channel_disarm(r->workers[i].ch);
	if (n == 0 && !pending && !busy)
		check_stall(r);
	for (int i = 0; i < n; i++)
		told(r, events[i].data.u64);
}

void
rig_run(struct rig *r, uint64_t jobs, bool (*more)(void *arg), void *arg)
{
	uint64_t	want = r->counts.recorded + jobs;

	r->moved_ns = clock_mono_ns();
	for (unsigned turn = 0;; turn++) {
		bool	new_ones = r->jobs < want || (more != NULL && more(arg)), busy = false;

		if (!new_ones && r->counts.recorded == r->jobs)
			break;
		for (unsigned n = 0; n < r->cfg.workers; n++) {
			struct worker	*w = &r->workers[n];

			if (!w->dying)
				worker_fill(r, w, new_ones);
			busy = worker_harvest(r, w) || busy;
			if (turn % 64 == 0)
				look_at_hints(r, w);
			check_slow(r, w);
		}
		sleep_until_told(r, busy);
	}
}

const struct rig_counts *
rig_counts(const struct rig *r)
{
	return &r->counts;
}

struct rig *
rig_new(const struct rig_config *cfg)
{
	struct rig	*r = mem_zalloc(1, sizeof(*r));

	signal(SIGPIPE, SIG_IGN);
	r->cfg = *cfg;
	pthread_mutex_init(&r->lock, NULL);
	if ((r->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");
	for (unsigned n = 0; n < RIG_WORKERS; n++)
		r->workers[n].pidfd = -1;
	for (unsigned n = 0; n < cfg->workers; n++)
		worker_start(r, n);
	return r;
}

/* Stops each worker as a broker does that shuts down; one that does not end in time is killed. */
void
rig_free(struct rig *r)
{
	for (unsigned n = 0; n < r->cfg.workers; n++) {
		struct worker	*w = &r->workers[n];
		struct pollfd	 p = { .fd = w->pidfd, .events = POLLIN };

		channel_stop(w->ch);
		syscall(SYS_pidfd_send_signal, w->pidfd, SIGCONT, NULL, 0);
		if (poll(&p, 1, 2000) == 0)
			worker_kill(w);
		poll(&p, 1, -1);
		worker_reap(r, w);
	}
	close(r->epoll);
	pthread_mutex_destroy(&r->lock);
	free(r->ledger);
	free(r->returned);
	free(r);
}

/* ---- honest workers ---- */

static void
serve_one(struct channel_worker *w, struct channel_entry *e)
{
	struct channel_progress	p = { .done = 1, .total = 2, .text = "half way" };

	channel_running(w, 0, e->token);
	if (rig_random() % 8 == 0)
		channel_progress_write(w, e, &p);
	rig_answer(e->out, e->in, e->in_len);
	channel_complete(w, e, CHANNEL_OK, e->in_len, 0);
	channel_running(w, 0, 0);
	channel_signal(w);
}

void
rig_serve(struct channel_worker *w)
{
	struct channel_entry	batch[SERVE_MAX];
	unsigned		n, at_once = channel_kick_fd(w) < 0 ? 1 : SERVE_MAX;

	do {
		for (n = 0; n < at_once && channel_take(w, &batch[n]); n++)
			;
		for (unsigned left = n; left > 0; left--) {
			unsigned	i = rig_random() % left;

			serve_one(w, &batch[i]);
			batch[i] = batch[left - 1];
		}
	} while (n > 0);
}

void
rig_rest(struct channel_worker *w)
{
	struct pollfd	p = { .fd = channel_kick_fd(w), .events = POLLIN };

	if (p.fd < 0) {
		channel_wait(w);
		return;
	}
	if (channel_sleep(w))
		poll(&p, 1, rig_random() % 4 == 0 ? 1 : -1);	/* a loop has timers too */
	channel_awake(w);
}

void
rig_work(struct channel_fds *fds, unsigned incarnation)
{
	struct channel_worker	*w;

	(void)incarnation;
	if (channel_attach(fds, &w) != 0)
		_exit(RIG_LIED);
	while (!channel_stopped(w)) {
		rig_serve(w);
		rig_rest(w);
	}
}

/* ---- what is open ---- */

unsigned
rig_open_descriptors(void)
{
	DIR		*d = opendir("/proc/self/fd");
	unsigned	 n = 0;

	if (d == NULL)
		die("/proc/self/fd");
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

unsigned
rig_channel_memory(void)
{
	FILE		*f = fopen("/proc/self/maps", "re");
	char		 line[512];
	unsigned	 n = 0;

	if (f == NULL)
		die("/proc/self/maps");
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "memfd:jobd-channel") != NULL;
	fclose(f);
	return n;
}
