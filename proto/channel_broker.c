/*
 * channel_broker.c - the broker's end of a channel: submit, wake, harvest.  Runs in: broker, loop thread.
 *
 * What is in flight stands in private memory, so a worker can lie only about its own attempts, and the
 * lies are found: a completion is copied once and compared with the slot that it names.
 */
#include "proto/channel_layout.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "proto/arena.h"

#define NO_SLOT		UINT32_MAX
/* Wake-ups without a valid completion that a worker may cause before it counts as hostile. */
#define IDLE_EVENTS_MAX	1000

enum slot_state { SLOT_FREE, SLOT_INFLIGHT, SLOT_HARVESTED };

struct slot {
	uint64_t	 token;
	void		*tag;
	uint64_t	 in_off, out_off;	/* ARENA_NONE: no chunk */
	uint32_t	 in_len, out_cap;
	uint32_t	 prev, next;		/* in flight: order of submission; free: next only */
	uint32_t	 uses;			/* the upper bits of the sequence number */
	uint32_t	 position;		/* harvested: of its completion */
	uint8_t		 state, op;
};

struct channel {
	struct channel_config	 cfg;
	struct shm_layout	 at;
	struct shm_a		*a;
	const struct shm_b	*b;
	int			 event, kick;
	uint32_t		 gen, mask;
	unsigned		 slot_bits;
	struct arena		*in, *out;

	struct slot		*slots;
	uint32_t		 free_slot, fresh_slots;	/* returned ones; never used from here on */
	uint32_t		 oldest, newest;		/* in flight */
	uint32_t		 inflight;
	size_t			 bytes_out;

	uint32_t		 sq_tail, published;
	uint32_t		 cq_head, cq_seen;	/* harvested up to; seen as published up to */
	uint32_t		 settled;		/* released without a gap up to */
	uint8_t			*released;		/* by position, from settled to cq_head */
	uint64_t		 epoch, last_woken;
	uint32_t		 kicks, cancels, cpu;
	uint32_t		 idle_events;
	const char		*broken;		/* why nothing of it is believed any more */
};

/* ---- making and freeing ---- */

/*
 * Region A: mapped before it is sealed, because no writable mapping can be made afterwards, by anybody.
 * Region B: its size is fixed, so that reading it cannot fault, whatever the worker does to the file.
 */
static int
map_regions(struct channel *ch, int a, int b)
{
	const int	size_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	if ((ch->a = shm_map(a, ch->at.a_bytes, PROT_READ | PROT_WRITE)) == NULL)
		return -errno;
	if (fcntl(a, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | size_seals) < 0)
		return -errno;
	if ((ch->b = shm_map(b, ch->at.b_bytes, PROT_READ)) == NULL)
		return -errno;
	if (fcntl(b, F_ADD_SEALS, size_seals) < 0)
		return -errno;
	return 0;
}

static int
make_wakeups(struct channel *ch, struct channel_fds *fds)
{
	int	pair[2];

	if ((ch->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return -errno;
	if ((fds->event = fcntl(ch->event, F_DUPFD_CLOEXEC, 0)) < 0)
		return -errno;
	if (ch->cfg.kick == CHANNEL_KICK_FUTEX)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	ch->kick = pair[0];
	fds->kick = pair[1];
	return 0;
}

/* b: the file of region B, whose tail must say "nothing" before the worker is there to say so. */
static int
start_rings(struct channel *ch, uint32_t first, int b)
{
	ch->a->header = (struct shm_header){
		.magic = SHM_MAGIC, .version = SHM_VERSION, .gen = ch->gen,
		.depth = ch->cfg.depth, .runs = ch->cfg.runs, .first = first, .kick = ch->cfg.kick,
		.in_bytes = ch->cfg.in_bytes, .out_bytes = ch->cfg.out_bytes,
	};
	ch->sq_tail = ch->published = ch->cq_head = ch->cq_seen = ch->settled = first;
	atomic_store_explicit(&ch->a->sq_tail, first, memory_order_relaxed);
	atomic_store_explicit(&ch->a->harvested, first, memory_order_relaxed);
	if (pwrite(b, &first, sizeof(first), offsetof(struct shm_b, cq_tail)) != sizeof(first))
		return -EIO;
	return 0;
}

static int
set_up(struct channel *ch, uint32_t first, struct channel_fds *fds)
{
	int	rc;

	if ((fds->a = shm_create("jobd-channel-a", ch->at.a_bytes)) < 0)
		return fds->a;
	if ((fds->b = shm_create("jobd-channel-b", ch->at.b_bytes)) < 0)
		return fds->b;
	if ((rc = map_regions(ch, fds->a, fds->b)) != 0)
		return rc;
	if ((rc = make_wakeups(ch, fds)) != 0)
		return rc;
	return start_rings(ch, first, fds->b);
}

int
channel_new_at(const struct channel_config *cfg, uint32_t gen, uint32_t first, struct channel **out,
    struct channel_fds *fds)
{
	struct channel_fds	 made = { -1, -1, -1, -1 };
	struct shm_layout	 at;
	struct channel		*ch;
	int			 rc;

	if (gen == 0)
		return -EINVAL;
	if ((rc = shm_layout(cfg->depth, cfg->runs, cfg->in_bytes, cfg->out_bytes, &at)) != 0)
		return rc;
	ch = mem_zalloc(1, sizeof(*ch));
	ch->cfg = *cfg;
	ch->at = at;
	ch->gen = gen;
	ch->event = ch->kick = -1;
	ch->mask = cfg->depth - 1;
	ch->slot_bits = (unsigned)__builtin_ctz(cfg->depth);
	ch->free_slot = ch->oldest = ch->newest = NO_SLOT;
	ch->in = arena_new(at.in, cfg->in_bytes);
	ch->out = arena_new(at.out, cfg->out_bytes);
	ch->slots = mem_zalloc(cfg->depth, sizeof(*ch->slots));
	ch->released = mem_zalloc(cfg->depth, 1);
	if ((rc = set_up(ch, first, &made)) != 0) {
		fd_close(&made.a);
		fd_close(&made.b);
		fd_close(&made.event);
		fd_close(&made.kick);
		channel_free(ch);
		return rc;
	}
	*out = ch;
	*fds = made;
	return 0;
}

int
channel_new(const struct channel_config *cfg, uint32_t gen, struct channel **out, struct channel_fds *fds)
{
	return channel_new_at(cfg, gen, 0, out, fds);
}

void
channel_free(struct channel *ch)
{
	if (ch == NULL)
		return;
	if (ch->a != NULL)
		munmap(ch->a, ch->at.a_bytes);
	if (ch->b != NULL)
		munmap((void *)(uintptr_t)ch->b, ch->at.b_bytes);
	fd_close(&ch->event);
	fd_close(&ch->kick);
	arena_free(ch->in);
	arena_free(ch->out);
	free(ch->slots);
	free(ch->released);
	free(ch);
}

int
channel_event_fd(const struct channel *ch)
{
	return ch->event;
}

/* ---- slots ---- */

/*
 * FIFO: the slot is the position in the ring, so an order of completion is an order of slots.  A slot that
 * was harvested is taken until its output is released.
 */
static uint32_t
slot_find(struct channel *ch)
{
	uint32_t	n;

	if (ch->cfg.fifo) {
		n = ch->sq_tail & ch->mask;
		return ch->slots[n].state == SLOT_FREE ? n : NO_SLOT;
	}
	if (ch->free_slot != NO_SLOT)
		return ch->free_slot;
	return ch->fresh_slots < ch->cfg.depth ? ch->fresh_slots : NO_SLOT;
}

static void
slot_claim(struct channel *ch, uint32_t n)
{
	struct slot	*s = &ch->slots[n];

	if (!ch->cfg.fifo) {
		if (n == ch->free_slot)
			ch->free_slot = s->next;
		else
			ch->fresh_slots++;
	}
	s->state = SLOT_INFLIGHT;
	s->prev = ch->newest;
	s->next = NO_SLOT;
	if (ch->newest != NO_SLOT)
		ch->slots[ch->newest].next = n;
	else
		ch->oldest = n;
	ch->newest = n;
	ch->inflight++;
	ch->bytes_out += s->in_len;
}

static void
slot_land(struct channel *ch, struct slot *s)
{
	if (s->prev != NO_SLOT)
		ch->slots[s->prev].next = s->next;
	else
		ch->oldest = s->next;
	if (s->next != NO_SLOT)
		ch->slots[s->next].prev = s->prev;
	else
		ch->newest = s->prev;
	s->state = SLOT_HARVESTED;
	ch->inflight--;
	ch->bytes_out -= s->in_len;
	if (s->in_off != ARENA_NONE)
		arena_give(ch->in, s->in_off);
}

static void
slot_free(struct channel *ch, struct slot *s)
{
	if (s->out_off != ARENA_NONE)
		arena_give(ch->out, s->out_off);
	s->state = SLOT_FREE;
	s->next = ch->free_slot;
	if (!ch->cfg.fifo)
		ch->free_slot = (uint32_t)(s - ch->slots);
}

/* gen << 32 | sequence number; its lower bits are the slot, the upper ones count the slot's uses from 1. */
static uint64_t
token_make(struct channel *ch, uint32_t n)
{
	struct slot	*s = &ch->slots[n];

	s->uses++;
	if ((uint32_t)(s->uses << ch->slot_bits) == 0)
		s->uses = 1;
	return (uint64_t)ch->gen << 32 | (uint32_t)(s->uses << ch->slot_bits) | n;
}

static struct slot *
slot_of(const struct channel *ch, uint64_t token)
{
	struct slot	*s = &ch->slots[(uint32_t)token & ch->mask];

	return s->state != SLOT_FREE && s->token == token ? s : NULL;
}

/* ---- submission ---- */

static size_t
iov_bytes(const struct iovec *iov, int count)
{
	size_t	sum = 0;

	for (int i = 0; i < count; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* Chunks for input and output; both or none. */
static int
reserve(struct channel *ch, size_t in_len, uint32_t out_cap, uint64_t *in_off, uint64_t *out_off)
{
	if (in_len > ch->cfg.in_bytes || out_cap > ch->cfg.out_bytes)
		return -EMSGSIZE;
	*in_off = *out_off = ARENA_NONE;
	if (in_len > 0 && (*in_off = arena_take(ch->in, in_len, NULL)) == ARENA_NONE)
		return -ENOSPC;
	if (out_cap > 0 && (*out_off = arena_take(ch->out, out_cap, NULL)) == ARENA_NONE) {
		if (*in_off != ARENA_NONE)
			arena_give(ch->in, *in_off);
		return -ENOSPC;
	}
	return 0;
}

static void
copy_in(char *to, const struct iovec *iov, int count)
{
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len == 0)
			continue;
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

static void
write_entry(struct channel *ch, uint32_t n, const struct channel_submit *sub)
{
	const struct slot	*s = &ch->slots[n];
	struct shm_sqe		*ring = (struct shm_sqe *)(void *)((char *)ch->a + ch->at.sqes);

	if (s->in_off != ARENA_NONE)
		copy_in((char *)ch->a + s->in_off, sub->in, sub->in_count);
	ring[ch->sq_tail & ch->mask] = (struct shm_sqe){
		.token = s->token, .slot = n, .op = s->op,
		.in_off = s->in_off == ARENA_NONE ? 0 : s->in_off, .in_len = s->in_len,
		.out_off = s->out_off == ARENA_NONE ? 0 : s->out_off, .out_cap = s->out_cap,
		.deadline_ns = sub->deadline_ns, .arg = sub->arg,
	};
	ch->sq_tail++;
}

int
channel_submit(struct channel *ch, const struct channel_submit *sub, uint64_t *token)
{
	size_t		 in_len = iov_bytes(sub->in, sub->in_count);
	uint32_t	 n = slot_find(ch);
	uint64_t	 in_off, out_off;
	struct slot	*s;
	int		 rc;

	if (n == NO_SLOT)
		return -EAGAIN;
	if ((rc = reserve(ch, in_len, sub->out_cap, &in_off, &out_off)) != 0)
		return rc;
	s = &ch->slots[n];
	s->token = token_make(ch, n);
	s->tag = sub->tag;
	s->op = (uint8_t)sub->op;
	s->in_off = in_off;
	s->in_len = (uint32_t)in_len;
	s->out_off = out_off;
	s->out_cap = sub->out_cap;
	slot_claim(ch, n);
	write_entry(ch, n, sub);
	*token = s->token;
	return 0;
}

/* ---- waking the worker ---- */

static void
kick(struct channel *ch)
{
	if (ch->cfg.kick == CHANNEL_KICK_SOCKET) {
		/* EAGAIN: a kick is latched already.  EPIPE: it is dead, which its pidfd tells. */
		(void)!send(ch->kick, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	/* The word first: a worker that read it before it announced its sleep then does not sleep. */
	atomic_store_explicit(&ch->a->kick, ++ch->kicks, memory_order_relaxed);
	CHANNEL_STEP();
	syscall(SYS_futex, &ch->a->kick, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/*
 * Call after a word was written that the worker looks at before it sleeps.  One kick per sleep suffices,
 * because a kick is latched: in the futex word, or in the socket's buffer.
 */
static void
wake(struct channel *ch)
{
	uint64_t	sleeping;

	shm_fence();
	CHANNEL_STEP();
	sleeping = atomic_load_explicit(&ch->b->sleep, memory_order_relaxed);
	CHANNEL_STEP();
	if ((sleeping & 1) == 0 || sleeping == ch->last_woken)
		return;
	ch->last_woken = sleeping;
	kick(ch);
}

/* For the worker's decision to spin. */
static void
publish_cpu(struct channel *ch)
{
	uint32_t	cpu = (uint32_t)(sched_getcpu() + 1);

	if (cpu == ch->cpu)
		return;
	ch->cpu = cpu;
	atomic_store_explicit(&ch->a->broker_cpu, cpu, memory_order_relaxed);
}

void
channel_publish(struct channel *ch)
{
	if (ch->published == ch->sq_tail)
		return;
	publish_cpu(ch);
	ch->published = ch->sq_tail;
	CHANNEL_STEP();
	atomic_store_explicit(&ch->a->sq_tail, ch->sq_tail, memory_order_release);
	CHANNEL_STEP();
	wake(ch);
}

void
channel_cancel(struct channel *ch, uint64_t token)
{
	const struct slot	*s = slot_of(ch, token);
	_Atomic uint64_t	*words = (_Atomic uint64_t *)(void *)((char *)ch->a + ch->at.cancels);

	if (s == NULL || s->state != SLOT_INFLIGHT)
		return;
	atomic_store_explicit(&words[s - ch->slots], token, memory_order_relaxed);
	CHANNEL_STEP();
	/* Release: whoever sees the new count finds the word. */
	atomic_store_explicit(&ch->a->cancel_count, ++ch->cancels, memory_order_release);
	wake(ch);
}

void
channel_stop(struct channel *ch)
{
	channel_publish(ch);
	atomic_store_explicit(&ch->a->stop, 1, memory_order_release);
	wake(ch);
}

/* ---- the broker's own sleep ---- */

void
channel_arm(struct channel *ch)
{
	ch->epoch += 2;
	CHANNEL_STEP();
	atomic_store_explicit(&ch->a->arm, ch->epoch | 1, memory_order_relaxed);
	CHANNEL_STEP();
}

void
channel_fence(void)
{
	shm_fence();
}

bool
channel_pending(const struct channel *ch)
{
	CHANNEL_STEP();
	return ch->broken == NULL &&
	    atomic_load_explicit(&ch->b->cq_tail, memory_order_relaxed) != ch->cq_head;
}

void
channel_disarm(struct channel *ch)
{
	CHANNEL_STEP();
	atomic_store_explicit(&ch->a->arm, ch->epoch, memory_order_relaxed);
}

int
channel_woken(struct channel *ch, const char **why)
{
	if (++ch->idle_events <= IDLE_EVENTS_MAX)
		return 0;
	*why = "wakes the broker without completions";
	return -EPROTO;
}

/* ---- harvest ---- */

/* A private copy, taken once; the shared one may change at any time. */
struct completion_copy {
	uint64_t	token;
	uint32_t	slot, status, out_len, flags;
	uint64_t	aux;
};

static struct completion_copy
copy_completion(const struct channel *ch)
{
	const struct shm_cqe	*ring = (const void *)((const char *)ch->b + ch->at.cqes);
	const struct shm_cqe	*e = &ring[ch->cq_head & ch->mask];
	uint64_t		 slot_status = atomic_load_explicit(&e->slot_status, memory_order_relaxed);
	uint64_t		 len_flags = atomic_load_explicit(&e->len_flags, memory_order_relaxed);

	return (struct completion_copy){
		.token = atomic_load_explicit(&e->token, memory_order_relaxed),
		.slot = (uint32_t)slot_status, .status = (uint32_t)(slot_status >> 32),
		.out_len = (uint32_t)len_flags, .flags = (uint32_t)(len_flags >> 32),
		.aux = atomic_load_explicit(&e->aux, memory_order_relaxed),
	};
}

/* NULL, or what is wrong with it. */
static const char *
check_completion(const struct channel *ch, const struct completion_copy *c)
{
	const struct slot	*s;

	if (c->slot >= ch->cfg.depth)
		return "slot out of range";
	if (ch->cfg.fifo && c->slot != (ch->cq_head & ch->mask))
		return "completion out of order";
	s = &ch->slots[c->slot];
	if (s->state != SLOT_INFLIGHT)
		return "completion of a slot that is not in flight";
	if (c->token != s->token)
		return "wrong token";
	if (c->status < CHANNEL_OK || c->status > CHANNEL_NEED_SPACE)
		return "unknown status";
	if (c->out_len > s->out_cap)
		return "output longer than its room";
	if (c->flags != 0)
		return "unknown flags";
	return NULL;
}

/* 1: there is a completion to look at; 0: none; -EPROTO.  One read of the tail serves all it announces. */
static int
available(struct channel *ch)
{
	if (ch->broken != NULL)
		return -EPROTO;
	if (ch->cq_head != ch->cq_seen)
		return 1;
	CHANNEL_STEP();
	ch->cq_seen = atomic_load_explicit(&ch->b->cq_tail, memory_order_acquire);
	if (ch->cq_seen - ch->cq_head > ch->inflight) {
		ch->broken = "more completions than entries in flight";
		return -EPROTO;
	}
	return ch->cq_seen != ch->cq_head;
}

int
channel_harvest(struct channel *ch, struct channel_completion *out, const char **why)
{
	struct completion_copy	 c;
	struct slot		*s;
	int			 rc = available(ch);

	if (rc == 1) {
		c = copy_completion(ch);
		ch->broken = check_completion(ch, &c);
	}
	if (ch->broken != NULL) {
		*why = ch->broken;
		return -EPROTO;
	}
	if (rc == 0)
		return 0;
	s = &ch->slots[c.slot];
	slot_land(ch, s);
	s->position = ch->cq_head++;
	ch->idle_events = 0;
	*out = (struct channel_completion){
		.tag = s->tag, .token = s->token, .op = s->op, .status = c.status,
		.output = s->out_off == ARENA_NONE ? NULL : (const char *)ch->b + s->out_off,
		.out_len = c.out_len, .aux = c.aux,
	};
	return 1;
}

void
channel_release(struct channel *ch, uint64_t token)
{
	struct slot	*s = slot_of(ch, token);

	assert(s != NULL && s->state == SLOT_HARVESTED);
	ch->released[s->position & ch->mask] = 1;
	slot_free(ch, s);
	while (ch->settled != ch->cq_head && ch->released[ch->settled & ch->mask]) {
		ch->released[ch->settled & ch->mask] = 0;
		ch->settled++;
	}
	atomic_store_explicit(&ch->a->harvested, ch->settled, memory_order_release);
}

/* ---- what is in flight ---- */

uint32_t
channel_inflight(const struct channel *ch)
{
	return ch->inflight;
}

void *
channel_inflight_next(const struct channel *ch, uint64_t *at, uint64_t *token)
{
	uint32_t		 n = *at == 0 ? ch->oldest : (uint32_t)(*at - 1);
	const struct slot	*s;

	if (n == NO_SLOT)
		return NULL;
	s = &ch->slots[n];
	*at = (uint64_t)s->next + 1;
	*token = s->token;
	return s->tag;
}

size_t
channel_bytes_out(const struct channel *ch)
{
	return ch->bytes_out;
}

bool
channel_suspect(const struct channel *ch, uint64_t token)
{
	const _Atomic uint64_t	*cur = (const void *)((const char *)ch->b + ch->at.cur);
	const struct slot	*s = slot_of(ch, token);

	if (s == NULL || s->state != SLOT_INFLIGHT)
		return false;
	if (ch->cfg.fifo)
		return (uint32_t)(s - ch->slots) == ch->oldest;
	for (uint32_t i = 0; i <= ch->cfg.runs; i++)
		if (atomic_load_explicit(&cur[i], memory_order_relaxed) == token)
			return true;
	return false;
}

bool
channel_progress_read(const struct channel *ch, uint64_t token, struct channel_progress *out)
{
	const struct shm_progress	*areas = (const void *)((const char *)ch->b + ch->at.progress);
	const struct slot		*s = slot_of(ch, token);

	return s != NULL && s->state == SLOT_INFLIGHT &&
	    shm_progress_load(&areas[s - ch->slots], token, out);
}
