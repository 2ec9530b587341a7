/*
 * channel_layout.h - where everything lies in the two regions of a channel; private to
 * proto/channel_*.c.
 *
 * Offsets, not pointers; fixed widths, native byte order; one writer per word.  Each word that is
 * hot is alone on 128 bytes: two cache lines, because the prefetcher of x86 fetches them in pairs.
 */
#ifndef PROTO_CHANNEL_LAYOUT_H
#define PROTO_CHANNEL_LAYOUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/channel.h"

#define SHM_MAGIC	UINT64_C(0x6d68732d64626f6a)	/* "jobd-shm" */
#define SHM_VERSION	2
#define SHM_LINE	128
#define SHM_PAGE	4096

/* The tests that inject delays between the steps of the protocol define this. */
#ifndef CHANNEL_STEP
#define CHANNEL_STEP()	((void)0)
#endif

struct shm_header {
	uint64_t	magic;
	uint32_t	version, gen;
	uint32_t	depth, runs;
	uint32_t	first;			/* position of the first entry in both rings */
	uint32_t	kick;			/* enum channel_kick */
	uint64_t	in_bytes, out_bytes;
};

/* Region A: the broker writes, the worker reads. */
struct shm_a {
	struct shm_header			header;
	_Alignas(SHM_LINE) _Atomic uint32_t	sq_tail;	/* entries below it are published */
	_Alignas(SHM_LINE) _Atomic uint32_t	broker_cpu;	/* 1 + its CPU; 0: unknown */
	_Alignas(SHM_LINE) _Atomic uint32_t	kick;		/* futex word, counts wake-ups */
	_Alignas(SHM_LINE) _Atomic uint64_t	arm;		/* epoch << 1 | the broker sleeps */
	_Alignas(SHM_LINE) _Atomic uint32_t	cancel_count;
	_Atomic uint32_t			stop;
	_Atomic uint32_t			log_level;	/* 1 + enum log_level; 0: not said */
	_Alignas(SHM_LINE) _Atomic uint32_t	harvested;	/* completions below are settled */
	_Alignas(SHM_LINE) _Atomic uint32_t	lines_head;	/* bytes of lines below it are read */
};

struct shm_sqe {
	uint64_t	token;
	uint32_t	slot, op;
	uint64_t	in_off, out_off;	/* from the start of region A, of region B */
	uint32_t	in_len, out_cap;
	uint64_t	deadline_ns, arg, reserved;
};

/* Region B: the worker writes, the broker reads and believes nothing. */
struct shm_b {
	_Atomic uint32_t			cq_tail;	/* below it they are published */
	/* Bytes of lines: beside cq_tail, as whoever reads that one looks at both. */
	_Atomic uint32_t			lines_tail;
	_Alignas(SHM_LINE) _Atomic uint64_t	sleep;		/* epoch << 1 | the worker sleeps */
	_Alignas(SHM_LINE) _Atomic uint64_t	stall_token;	/* who keeps the loop from turning */
	_Atomic uint64_t			stall;		/* ms | count of such notes << 32 */
};

/*
 * A completion as four words, so that it is copied by four loads that the compiler cannot repeat.
 */
struct shm_cqe {
	_Atomic uint64_t	token;
	_Atomic uint64_t	slot_status;	/* slot | status << 32 */
	_Atomic uint64_t	len_flags;	/* out_len | usage << 32, as below */
	_Atomic uint64_t	aux;
};

/* The usage word of a completion.  0: the worker did not look at the time. */
#define SHM_USAGE_PERMILLE	0x000003ffu	/* 0 .. 1000 */
#define SHM_USAGE_MEASURED	0x00000400u	/* without it permille and queue are 0 */
#define SHM_USAGE_QUEUE		0x00000800u	/* the wait for a CPU is taken out */
#define SHM_USAGE_UNUSED	0x0000f000u	/* 0 */
#define SHM_USAGE_STALL_SHIFT	16		/* ms, at most 65535 */

/*
 * In front of each line, both aligned to 8 bytes, in a ring of SHM_LINES_BYTES whose end may lie in the
 * middle of either.
 */
struct shm_line {
	uint64_t	token;
	int64_t		at_ms;
	uint32_t	len, lost;
};

#define SHM_LINES_BYTES		(256u << 10)
#define SHM_LINES_SPARE		(4u << 10)	/* for records of lost lines alone */

#define SHM_TEXT_WORDS	(sizeof(((struct channel_progress *)0)->text) / 8)

/* A seqlock: odd version while the worker writes. */
struct shm_progress {
	_Alignas(SHM_LINE) _Atomic uint64_t	version;
	_Atomic uint64_t			token, done, total;
	_Atomic uint64_t			text[SHM_TEXT_WORDS];
};

_Static_assert(sizeof(struct shm_header) <= SHM_LINE, "the header has the first line");
_Static_assert(offsetof(struct shm_a, sq_tail) == 0x080, "layout");
_Static_assert(offsetof(struct shm_a, kick) == 0x180, "layout");
_Static_assert(offsetof(struct shm_a, arm) == 0x200, "layout");
_Static_assert(offsetof(struct shm_a, harvested) == 0x300, "layout");
_Static_assert(offsetof(struct shm_a, lines_head) == 0x380, "layout");
_Static_assert(sizeof(struct shm_a) <= SHM_PAGE, "the fixed part has the first page");
_Static_assert(offsetof(struct shm_b, lines_tail) == 0x004, "layout");
_Static_assert(offsetof(struct shm_b, stall_token) == 0x100, "layout");
_Static_assert(sizeof(struct shm_b) <= SHM_PAGE, "the fixed part has the first page");
_Static_assert(sizeof(struct shm_sqe) == 64, "layout");
_Static_assert(sizeof(struct shm_cqe) == 32, "layout");
_Static_assert(sizeof(struct shm_line) == 24, "layout");
_Static_assert((SHM_LINES_BYTES & (SHM_LINES_BYTES - 1)) == 0, "positions wrap at 2^32");
_Static_assert(sizeof(struct shm_progress) == SHM_LINE, "layout");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "no locks");

/* Offsets of the parts whose size depends on the configuration. */
struct shm_layout {
	size_t	sqes, cancels, in, a_bytes;
	size_t	cqes, cur, progress, out, lines, b_bytes;
};

/* What both ends agree on; 0 or -EINVAL. */
int shm_layout(uint32_t depth, uint32_t runs, uint64_t in_bytes, uint64_t out_bytes,
    struct shm_layout *out);

/* Creates a memfd of so many bytes.  The descriptor or -errno. */
int shm_create(const char *name, size_t bytes);
/* Maps all of it, not inherited by fork.  NULL with errno. */
void *shm_map(int fd, size_t bytes, int prot);

void shm_progress_store(struct shm_progress *area, uint64_t token,
    const struct channel_progress *p);
bool shm_progress_load(const struct shm_progress *area, uint64_t token,
    struct channel_progress *out);

/* What a record of so many bytes takes with its head. */
static inline uint32_t
shm_line_bytes(uint32_t len)
{
	return (uint32_t)sizeof(struct shm_line) + ((len + 7) & ~7u);
}

/* channel_new with the position at which both rings start: for tests of their wrap. */
int channel_new_at(const struct channel_config *cfg, uint32_t gen, uint32_t first,
    struct channel **out, struct channel_fds *fds);

/*
 * The full fence of the sleep protocols: "I announced" before "I look again", on both sides.  TSan
 * does not model fences; it does not see the other process either.
 */
static inline void
shm_fence(void)
{
#if defined(__GNUC__) && !defined(__clang__) && defined(__SANITIZE_THREAD__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
	atomic_thread_fence(memory_order_seq_cst);
#pragma GCC diagnostic pop
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

#endif
