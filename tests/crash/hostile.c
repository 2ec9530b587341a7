/*
 * hostile.c - workers that do, in the middle of their work, what a worker must not: they scribble
 * over region B (also from another process, all the time), forge completions, lie about their
 * sleep, write to region A.  The broker finds them out or is not affected; every job gets one
 * outcome in the end.  It is meant to run under ASan and UBSan too.
 *
 *   hostile [JOBS [DEATHS]]	at least so many of both; default 20000 200
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "proto/channel_layout.h"
#include "tests/crash/channel_rig.h"

#define DEPTH		16
#define ARENA_BYTES	(1 << 18)
#define FORGERIES	7	/* reasons that must be seen */

/* What a hostile worker has: its own end, and both regions as raw memory. */
struct rogue {
	struct channel_worker	*w;
	struct channel_fds	 fds;		/* a and b duplicated, the others shared with w */
	struct shm_layout	 at;
	const struct shm_a	*a;
	struct shm_b		*b;
};

static struct shm_cqe *
ring(struct rogue *r)
{
	return (void *)((char *)r->b + r->at.cqes);
}

static struct shm_cqe *
cqe_next(struct rogue *r)
{
	return ring(r) + (atomic_load(&r->b->cq_tail) & (DEPTH - 1));
}

/*
 * Publishes what stands in the next completion, and lets the broker look at it before the next lie.
 */
static void
publish(struct rogue *r)
{
	static const uint64_t	one = 1;

	atomic_fetch_add(&r->b->cq_tail, 1);
	(void)!write(r->fds.event, &one, sizeof(one));
	usleep(1000);
}

/* The next entry, served, but with one word of its completion changed. */
static void
forge(struct rogue *r, void (*change)(struct shm_cqe *))
{
	struct channel_entry	e;
	struct shm_cqe		*c = cqe_next(r);

	while (!channel_take(r->w, &e))
		rig_rest(r->w);
	atomic_store(&c->token, e.token);
	atomic_store(&c->slot_status, e.slot | (uint64_t)CHANNEL_OK << 32);
	atomic_store(&c->len_flags, 0);
	change(c);
	publish(r);
}

static void
change_token(struct shm_cqe *c)
{
	atomic_fetch_xor(&c->token, 1u << rig_random() % 32);
}

static void
change_slot(struct shm_cqe *c)
{
	atomic_fetch_add(&c->slot_status, 1 + rig_random() % (DEPTH - 1));
}

static void
change_slot_far(struct shm_cqe *c)
{
	atomic_fetch_add(&c->slot_status, DEPTH + rig_random() % 100000);
}

static void
change_status(struct shm_cqe *c)
{
	atomic_fetch_add(&c->slot_status, (uint64_t)(4 + rig_random()) << 32);
}

static void
change_length(struct shm_cqe *c)
{
	atomic_store(&c->len_flags, 2049 + (uint64_t)(rig_random() >> 1));
}

static void
change_flags(struct shm_cqe *c)
{
	atomic_store(&c->len_flags, (uint64_t)(1 + rig_random() % 9) << 32);
}

static void do_token(struct rogue *r) { forge(r, change_token); }
static void do_slot(struct rogue *r) { forge(r, change_slot); }
static void do_slot_far(struct rogue *r) { forge(r, change_slot_far); }
static void do_status(struct rogue *r) { forge(r, change_status); }
static void do_length(struct rogue *r) { forge(r, change_length); }
static void do_flags(struct rogue *r) { forge(r, change_flags); }

static void
do_tail(struct rogue *r)
{
	static const uint64_t	one = 1;
	uint32_t		by = rig_random() % 40;

	atomic_fetch_add(&r->b->cq_tail, rig_random() % 2 == 0 ? by : 0u - by);
	(void)!write(r->fds.event, &one, sizeof(one));
}

/* The completion before, once more. */
static void
do_replay(struct rogue *r)
{
	struct shm_cqe	*c = cqe_next(r);
	struct shm_cqe	*last = &ring(r)[(atomic_load(&r->b->cq_tail) - 1) & (DEPTH - 1)];

	atomic_store(&c->token, atomic_load(&last->token));
	atomic_store(&c->slot_status, atomic_load(&last->slot_status));
	atomic_store(&c->len_flags, atomic_load(&last->len_flags));
	publish(r);
}

static void
scribble(struct rogue *r, unsigned words)
{
	_Atomic uint64_t	*b = (void *)r->b;

	for (unsigned i = 0; i < words; i++) {
		uint64_t	value;
		size_t		end = rig_random() % 4 == 0 ? r->at.b_bytes : r->at.out;

		if (rig_random() % 8 == 0)
			end = SHM_PAGE / 16;	/* the words of the protocol */
		value = rig_random();
		if (rig_random() % 2 == 0)
			value = value % 32;
		else
			value = value << 32 | rig_random();
		atomic_store(&b[rig_random() % (end / 8)], value);
	}
}

static void do_scribble(struct rogue *r) { scribble(r, 1 + rig_random() % 200); }

/* Another process scribbles while the worker serves on, until that is killed. */
static void
do_scribbler(struct rogue *r)
{
	pid_t	parent = getpid();

	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	r->b = mmap(NULL, r->at.b_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fds.b, 0);
	if (r->b == MAP_FAILED)
		_exit(0);
	rig_seed((uint64_t)getpid());
	for (;;)
		scribble(r, 1000);
}

/* Must not be possible in any way; the plain store ends this process. */
static void
do_write_a(struct rogue *r)
{
	void		*a = (void *)(uintptr_t)r->a;
	const int	rw = PROT_READ | PROT_WRITE;

	if (mmap(NULL, r->at.a_bytes, rw, MAP_SHARED, r->fds.a, 0) != MAP_FAILED ||
	    mprotect(a, r->at.a_bytes, rw) == 0 || ftruncate(r->fds.a, 0) == 0 ||
	    pwrite(r->fds.a, "x", 1, 0) == 1 || madvise(a, r->at.a_bytes, MADV_REMOVE) == 0)
		_exit(RIG_LIED);
	signal(SIGSEGV, SIG_DFL);
	*(volatile uint32_t *)a = 1;
	_exit(RIG_LIED);
}

static void
do_lie_about_sleep(struct rogue *r)
{
	for (unsigned i = 0; i < 50; i++) {
		atomic_store(&r->b->sleep, rig_random() | 1);
		usleep(100);
	}
}

/* Descriptors are made to block and filled: the broker must not write to them, or not wait. */
static void
do_fill_descriptors(struct rogue *r)
{
	static const uint64_t	most = UINT64_MAX - 1;

	fcntl(r->fds.event, F_SETFL, fcntl(r->fds.event, F_GETFL) | O_NONBLOCK);
	(void)!write(r->fds.event, &most, sizeof(most));
	fcntl(r->fds.event, F_SETFL, 0);
	if (r->fds.kick < 0)
		return;
	while (send(r->fds.kick, "full", 4, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	fcntl(r->fds.kick, F_SETFL, 0);
}

static void
do_wake_for_nothing(struct rogue *r)
{
	static const uint64_t	one = 1;
	int64_t			until_ns = clock_mono_ns() + 500 * NS_PER_MS;

	while (clock_mono_ns() < until_ns)
		(void)!write(r->fds.event, &one, sizeof(one));
}

static void
do_punch_b(struct rogue *r)
{
	madvise(r->b, r->at.b_bytes, MADV_REMOVE);
}

static void
do_lie_in_hints(struct rogue *r)
{
	_Atomic uint64_t	*b = (void *)r->b;

	for (size_t i = r->at.cur / 8; i < r->at.out / 8; i++)
		atomic_store(&b[i], UINT64_MAX - 1);
	atomic_store(&r->b->stall, UINT64_MAX);
	atomic_store(&r->b->stall_token, rig_random());
}

/* Lines of nobody, lines that are longer than they may be or than there is room for. */
static void
do_lines(struct rogue *r)
{
	struct shm_line	*line = (void *)((char *)r->b + r->at.lines);

	line[0] = (struct shm_line){ .token = rig_random(), .len = rig_random() % 2048 };
	atomic_fetch_add(&r->b->lines_tail, rig_random() % 4 == 0 ? rig_random() : 8 * (rig_random() % 200));
	publish(r);
}

static void (*const misdeeds[])(struct rogue *) = {
	do_token, do_slot, do_slot_far, do_status, do_length, do_flags, do_tail, do_replay,
	do_scribble, do_scribbler, do_write_a, do_lie_about_sleep, do_fill_descriptors,
	do_wake_for_nothing, do_punch_b, do_lie_in_hints, do_lines,
};
#define MISDEEDS	(sizeof(misdeeds) / sizeof(misdeeds[0]))

static void
rogue_init(struct rogue *r, struct channel_fds *fds)
{
	struct shm_header	h;

	if (pread(fds->a, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    shm_layout(h.depth, h.runs, h.in_bytes, h.out_bytes, &r->at) != 0)
		_exit(1);
	r->fds = *fds;
	r->fds.a = dup(fds->a);
	r->fds.b = dup(fds->b);
	r->a = mmap(NULL, r->at.a_bytes, PROT_READ, MAP_SHARED, fds->a, 0);
	r->b = mmap(NULL, r->at.b_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds->b, 0);
	if (r->a == MAP_FAILED || r->b == MAP_FAILED || channel_attach(fds, &r->w) != 0)
		_exit(1);
}

/* Some jobs honestly, a misdeed, and honest again, if it is let. */
static void
work(struct channel_fds *fds, unsigned incarnation)
{
	unsigned	turn = 0;
	struct rogue	r;

	rogue_init(&r, fds);
	misdeeds[incarnation % MISDEEDS](&r);
	while (!channel_stopped(r.w)) {
		rig_serve(r.w);
		if (++turn % 32 == 0)
			misdeeds[rig_random() % MISDEEDS](&r);
		rig_rest(r.w);
	}
}

struct until {
	struct rig	*rig;
	uint64_t	 deaths;
};

static bool
more(void *arg)
{
	struct until	*u = arg;

	return rig_counts(u->rig)->deaths < u->deaths;
}

static bool
run(const char *name, bool fifo, uint64_t jobs, uint64_t deaths)
{
	const struct rig_config	 cfg = {
		.channel = { .fifo = fifo, .kick = fifo ? CHANNEL_KICK_FUTEX : CHANNEL_KICK_SOCKET,
			.depth = DEPTH, .runs = 1, .in_bytes = ARENA_BYTES,
			.out_bytes = ARENA_BYTES },
		.workers = 2, .window = 8, .work = work, .slow_ms = 100,
	};
	struct until		 until = { rig_new(&cfg), deaths };
	const struct rig_counts	*c = rig_counts(until.rig);
	unsigned		 reasons = 0;
	bool			 good;

	rig_run(until.rig, jobs, more, &until);
	for (; reasons < RIG_REASONS && c->reasons[reasons].why != NULL; reasons++)
		printf("     %6llu %s\n", (unsigned long long)c->reasons[reasons].count,
		    c->reasons[reasons].why);
	good = c->twice == 0 && reasons >= FORGERIES;
	printf("%s %s: %llu jobs once each, %llu deaths, %llu workers found out, %llu too slow, "
	    "%llu twice\n", good ? "ok  " : "FAIL", name, (unsigned long long)c->recorded,
	    (unsigned long long)c->deaths, (unsigned long long)c->hostile,
	    (unsigned long long)c->slow, (unsigned long long)c->twice);
	rig_free(until.rig);
	return good;
}

int
main(int argc, char **argv)
{
	uint64_t	jobs = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	uint64_t	deaths = argc > 2 ? strtoull(argv[2], NULL, 10) : 200;
	unsigned	before = rig_open_descriptors();

	if (!run("fifo", true, jobs, deaths) || !run("slots", false, jobs, deaths))
		return 1;
	if (rig_open_descriptors() != before || rig_channel_memory() != 0) {
		printf("FAIL descriptors or memory are left\n");
		return 1;
	}
	return 0;
}
