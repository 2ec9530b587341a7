/*
 * channel_worker.c - the worker's end of a channel: take, complete, sleep.  Runs in: workers.
 *
 * One thread, the loop's, takes and completes; running, cancelled and progress may be called by
 * others.
 */
#include "proto/channel_layout.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"

/* Spinning: how long, and when the gaps between entries are short enough for it to pay. */
#define SPIN_NS		20000
#define SPIN_GAP_NS	(2 * SPIN_NS)
#define GAP_NS_MAX	(10 * SPIN_NS)	/* longer ones count as this: idleness is soon forgotten */
#define SPIN_TURNS	16		/* between two looks at the clock */

struct channel_worker {
	const struct shm_a	*a;
	struct shm_b		*b;
	struct shm_layout	 at;
	uint32_t		 mask, runs;
	int			 event, kick;
	uint32_t		 sq_head, cq_tail;
	uint32_t		 cancels_seen, stop_seen;
	uint64_t		 epoch, last_signalled;
	uint32_t		 lines_tail;	/* these two: of whoever says lines */
	uint64_t		 lines_signalled;
	int64_t			 gap_ns;	/* mean time from running dry to the next entry */
};

/* ---- attaching ---- */

static int
file_bytes(int fd, size_t *out)
{
	struct stat	st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*out = (size_t)st.st_size;
	return 0;
}

/* The header first, alone: it tells the sizes, which must be those of the files. */
static int
read_header(int a, struct shm_header *out)
{
	ssize_t	n = pread(a, out, sizeof(*out), 0);

	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(*out) || out->magic != SHM_MAGIC || out->version != SHM_VERSION)
		return -EPROTO;
	return 0;
}

static int
map_regions(struct channel_worker *w, const struct channel_fds *fds, struct shm_header *h)
{
	size_t	a_bytes, b_bytes;
	int	rc;

	if ((rc = read_header(fds->a, h)) != 0)
		return rc;
	if ((rc = shm_layout(h->depth, h->runs, h->in_bytes, h->out_bytes, &w->at)) != 0)
		return rc;
	if ((rc = file_bytes(fds->a, &a_bytes)) != 0 || (rc = file_bytes(fds->b, &b_bytes)) != 0)
		return rc;
	if (a_bytes != w->at.a_bytes || b_bytes != w->at.b_bytes)
		return -EPROTO;
	if ((w->a = shm_map(fds->a, w->at.a_bytes, PROT_READ)) == NULL)
		return -errno;
	if ((w->b = shm_map(fds->b, w->at.b_bytes, PROT_READ | PROT_WRITE)) == NULL)
		return -errno;
	return 0;
}

int
channel_attach(const struct channel_fds *fds, struct channel_worker **out)
{
	struct channel_worker	*w = mem_zalloc(1, sizeof(*w));
	struct shm_header	 h;
	int			 rc;

	w->event = w->kick = -1;
	if ((rc = map_regions(w, fds, &h)) != 0) {
		channel_detach(w);
		return rc;
	}
	close(fds->a);
	close(fds->b);
	w->event = fds->event;
	w->kick = fds->kick;
	w->mask = h.depth - 1;
	w->runs = h.runs;
	w->sq_head = w->cq_tail = h.first;
	w->lines_tail = h.first & ~7u;
	w->gap_ns = GAP_NS_MAX;
	*out = w;
	return 0;
}

void
channel_detach(struct channel_worker *w)
{
	if (w == NULL)
		return;
	if (w->a != NULL)
		munmap((void *)(uintptr_t)w->a, w->at.a_bytes);
	if (w->b != NULL)
		munmap(w->b, w->at.b_bytes);
	fd_close(&w->event);
	fd_close(&w->kick);
	free(w);
}

uint32_t
channel_runs(const struct channel_worker *w)
{
	return w->runs;
}

int
channel_kick_fd(const struct channel_worker *w)
{
	return w->kick;
}

/* ---- entries and completions ---- */

bool
channel_take(struct channel_worker *w, struct channel_entry *e)
{
	const struct shm_sqe	*ring = (const void *)((const char *)w->a + w->at.sqes);
	struct shm_sqe		 sqe;

	CHANNEL_STEP();
	if (atomic_load_explicit(&w->a->sq_tail, memory_order_acquire) == w->sq_head)
		return false;
	CHANNEL_STEP();
	memcpy(&sqe, &ring[w->sq_head++ & w->mask], sizeof(sqe));
	*e = (struct channel_entry){
		.token = sqe.token, .slot = sqe.slot, .op = sqe.op,
		.in = (const char *)w->a + sqe.in_off, .in_len = sqe.in_len,
		.out = (char *)w->b + sqe.out_off, .out_cap = sqe.out_cap,
		.deadline_ns = sqe.deadline_ns, .arg = sqe.arg,
	};
	return true;
}

static uint32_t
usage_word(const struct channel_usage *u)
{
	uint32_t	word = (uint32_t)u->stall_ms << SHM_USAGE_STALL_SHIFT;

	if (!u->measured)
		return word;
	return word | SHM_USAGE_MEASURED | (u->queue_known ? SHM_USAGE_QUEUE : 0) |
	    u->cpu_permille;
}

static void
complete(struct channel_worker *w, const struct channel_entry *e, enum channel_status status,
    uint32_t out_len, uint64_t aux, uint32_t usage)
{
	struct shm_cqe	*ring = (void *)((char *)w->b + w->at.cqes);
	struct shm_cqe	*c = &ring[w->cq_tail & w->mask];

	assert(out_len <= e->out_cap);
	CHANNEL_STEP();
	atomic_store_explicit(&c->token, e->token, memory_order_relaxed);
	atomic_store_explicit(&c->slot_status, e->slot | (uint64_t)status << 32,
	    memory_order_relaxed);
	atomic_store_explicit(&c->len_flags, out_len | (uint64_t)usage << 32,
	    memory_order_relaxed);
	atomic_store_explicit(&c->aux, aux, memory_order_relaxed);
	CHANNEL_STEP();
	/* Release: output and completion before the tail that announces them. */
	atomic_store_explicit(&w->b->cq_tail, ++w->cq_tail, memory_order_release);
	CHANNEL_STEP();
}

void
channel_complete(struct channel_worker *w, const struct channel_entry *e,
    enum channel_status status, uint32_t out_len, uint64_t aux)
{
	complete(w, e, status, out_len, aux, 0);
}

void
channel_complete_used(struct channel_worker *w, const struct channel_entry *e,
    enum channel_status status, uint32_t out_len, uint64_t aux, const struct channel_usage *usage)
{
	assert(usage->cpu_permille <= 1000);
	complete(w, e, status, out_len, aux, usage_word(usage));
}

static void
write_event(const struct channel_worker *w)
{
	static const uint64_t	one = 1;

	while (write(w->event, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* One event per sleep of the broker: it is latched in the descriptor until epoll tells it. */
static void
signal_once(struct channel_worker *w, uint64_t *signalled)
{
	uint64_t	armed;

	shm_fence();
	CHANNEL_STEP();
	armed = atomic_load_explicit(&w->a->arm, memory_order_relaxed);
	CHANNEL_STEP();
	if ((armed & 1) == 0 || armed == *signalled)
		return;
	*signalled = armed;
	write_event(w);
}

void
channel_signal(struct channel_worker *w)
{
	signal_once(w, &w->last_signalled);
}

/* ---- cancel, stop, hints ---- */

bool
channel_cancelled(const struct channel_worker *w, const struct channel_entry *e)
{
	const _Atomic uint64_t	*words = (const void *)((const char *)w->a + w->at.cancels);

	return atomic_load_explicit(&words[e->slot], memory_order_relaxed) == e->token;
}

uint32_t
channel_cancel_count(const struct channel_worker *w)
{
	return atomic_load_explicit(&w->a->cancel_count, memory_order_acquire);
}

bool
channel_stopped(const struct channel_worker *w)
{
	return atomic_load_explicit(&w->a->stop, memory_order_acquire) != 0 &&
	    atomic_load_explicit(&w->a->sq_tail, memory_order_acquire) == w->sq_head;
}

void
channel_follow_log(const struct channel_worker *w)
{
	uint32_t	word = atomic_load_explicit(&w->a->log_level, memory_order_relaxed);

	if (word != 0)
		log_set_level((enum log_level)(word - 1));
}

void
channel_running(struct channel_worker *w, uint32_t run, uint64_t token)
{
	_Atomic uint64_t	*cur = (void *)((char *)w->b + w->at.cur);

	assert(run <= w->runs);
	atomic_store_explicit(&cur[run], token, memory_order_relaxed);
}

void
channel_stall(struct channel_worker *w, uint64_t token, uint32_t ms)
{
	uint64_t	count = atomic_load_explicit(&w->b->stall, memory_order_relaxed) >> 32;

	atomic_store_explicit(&w->b->stall_token, token, memory_order_relaxed);
	/* Release: who, before the count that announces it. */
	atomic_store_explicit(&w->b->stall, (count + 1) << 32 | ms, memory_order_release);
	/* Rare, and the loop's thread alone knows whether it has signalled: so always. */
	write_event(w);
}

void
channel_progress_write(struct channel_worker *w, const struct channel_entry *e,
    const struct channel_progress *p)
{
	struct shm_progress	*areas = (void *)((char *)w->b + w->at.progress);

	shm_progress_store(&areas[e->slot], e->token, p);
}

/* ---- lines ---- */

static bool
has_room(const struct channel_worker *w, size_t len)
{
	uint32_t	used = w->lines_tail -
			    atomic_load_explicit(&w->a->lines_head, memory_order_acquire);

	return used + shm_line_bytes((uint32_t)len) + (len > 0 ? SHM_LINES_SPARE : 0) <= SHM_LINES_BYTES;
}

/* Into the ring at the tail, whose end may come on the way. */
static void
put_bytes(struct channel_worker *w, const void *p, size_t len)
{
	char		*ring = (char *)w->b + w->at.lines;
	uint32_t	 at = w->lines_tail & (SHM_LINES_BYTES - 1);
	size_t		 first = SHM_LINES_BYTES - at < len ? SHM_LINES_BYTES - at : len;

	memcpy(ring + at, p, first);
	memcpy(ring, (const char *)p + first, len - first);
	w->lines_tail += ((uint32_t)len + 7) & ~7u;
}

bool
channel_say(struct channel_worker *w, uint64_t token, int64_t at_ms, const char *p, size_t len,
    uint32_t lost)
{
	struct shm_line	head = { .token = token, .at_ms = at_ms, .len = (uint32_t)len, .lost = lost };

	assert(len <= CHANNEL_LINE_BYTES);
	if (!has_room(w, len))
		return false;
	put_bytes(w, &head, sizeof(head));
	if (len > 0)
		put_bytes(w, p, len);
	CHANNEL_STEP();
	/* Release: the record before the tail that announces it. */
	atomic_store_explicit(&w->b->lines_tail, w->lines_tail, memory_order_release);
	CHANNEL_STEP();
	signal_once(w, &w->lines_signalled);
	return true;
}

/* ---- sleep ---- */

static bool
has_work(const struct channel_worker *w)
{
	return atomic_load_explicit(&w->a->sq_tail, memory_order_relaxed) != w->sq_head ||
	    atomic_load_explicit(&w->a->cancel_count, memory_order_relaxed) != w->cancels_seen ||
	    atomic_load_explicit(&w->a->stop, memory_order_relaxed) != w->stop_seen;
}

/*
 * "I sleep", then the fence, then the last look; the broker does "here is work", the fence, "does
 * it sleep?".  Whatever the order, one of the two sees the other.
 */
static bool
announce_sleep(struct channel_worker *w)
{
	w->epoch += 2;
	CHANNEL_STEP();
	/* Release keeps what was read before, the kick word above all, before it. */
	atomic_store_explicit(&w->b->sleep, w->epoch | 1, memory_order_release);
	CHANNEL_STEP();
	shm_fence();
	CHANNEL_STEP();
	return !has_work(w);
}

static void
announce_awake(struct channel_worker *w)
{
	CHANNEL_STEP();
	atomic_store_explicit(&w->b->sleep, w->epoch, memory_order_relaxed);
	w->cancels_seen = atomic_load_explicit(&w->a->cancel_count, memory_order_relaxed);
	/*
	 * A stop is news once: a loop that still waits for its last timers must be able to sleep.
	 */
	w->stop_seen = atomic_load_explicit(&w->a->stop, memory_order_relaxed);
}

static inline void
cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Spinning on the broker's own CPU would keep it from giving us work. */
static bool
may_spin(const struct channel_worker *w)
{
	uint32_t	broker = atomic_load_explicit(&w->a->broker_cpu, memory_order_relaxed);

	return w->gap_ns <= SPIN_GAP_NS && broker != 0 && broker != (uint32_t)(sched_getcpu() + 1);
}

static bool
spin(const struct channel_worker *w, int64_t until_ns)
{
	while (may_spin(w)) {
		for (int i = 0; i < SPIN_TURNS; i++) {
			if (has_work(w))
				return true;
			cpu_relax();
		}
		if (clock_mono_ns() >= until_ns)
			break;
	}
	return false;
}

static void
sleep_on_futex(struct channel_worker *w)
{
	/*
	 * The word is read before the sleep is announced: a kick that comes between the two changes
	 * it, and the wait returns at once.
	 */
	uint32_t	seen = atomic_load_explicit(&w->a->kick, memory_order_relaxed);

	if (announce_sleep(w)) {
		CHANNEL_STEP();
		syscall(SYS_futex, &w->a->kick, FUTEX_WAIT, seen, NULL, NULL, 0);
	}
}

void
channel_wait(struct channel_worker *w)
{
	int64_t	start_ns, gap_ns;

	start_ns = clock_mono_ns();
	if (!has_work(w) && !spin(w, start_ns + SPIN_NS))
		sleep_on_futex(w);
	announce_awake(w);
	gap_ns = clock_mono_ns() - start_ns;
	if (gap_ns > GAP_NS_MAX)
		gap_ns = GAP_NS_MAX;
	w->gap_ns += (gap_ns - w->gap_ns) / 4;
}

bool
channel_sleep(struct channel_worker *w)
{
	if (announce_sleep(w))
		return true;
	announce_awake(w);
	return false;
}

void
channel_awake(struct channel_worker *w)
{
	char	kicks[64];

	announce_awake(w);
	/*
	 * After the announcement: a kick that is swallowed here announced what will now be taken.
	 */
	while (recv(w->kick, kicks, sizeof(kicks), MSG_DONTWAIT) > 0)
		;
}
