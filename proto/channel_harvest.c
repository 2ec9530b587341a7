/*
 * channel_harvest.c - the broker's end of a channel: completions, and what is in flight.  Runs in:
 * broker, loop thread.
 *
 * What is in flight stands in private memory, so a worker can lie only about its own attempts, and
 * the lies are found: a completion is copied once and compared with the slot that it names.
 */
#include "proto/channel_broker.h"

#include <assert.h>
#include <errno.h>

/* Wake-ups without a valid completion that a worker may cause before it counts as hostile. */
#define IDLE_EVENTS_MAX	1000

/* ---- slots ---- */

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

/* ---- harvest ---- */

/* A private copy, taken once; the shared one may change at any time. */
struct completion_copy {
	uint64_t	token;
	uint32_t	slot, status, out_len, usage;
	uint64_t	aux;
};

static struct completion_copy
copy_completion(const struct channel *ch)
{
	const struct shm_cqe	*ring = (const void *)((const char *)ch->b + ch->at.cqes);
	const struct shm_cqe	*e = &ring[ch->cq_head & ch->mask];
	uint64_t		 slot_status, len_flags;

	slot_status = atomic_load_explicit(&e->slot_status, memory_order_relaxed);
	len_flags = atomic_load_explicit(&e->len_flags, memory_order_relaxed);
	return (struct completion_copy){
		.token = atomic_load_explicit(&e->token, memory_order_relaxed),
		.slot = (uint32_t)slot_status, .status = (uint32_t)(slot_status >> 32),
		.out_len = (uint32_t)len_flags, .usage = (uint32_t)(len_flags >> 32),
		.aux = atomic_load_explicit(&e->aux, memory_order_relaxed),
	};
}

static bool
is_usage(uint32_t word)
{
	if ((word & SHM_USAGE_UNUSED) != 0 || (word & SHM_USAGE_PERMILLE) > 1000)
		return false;
	return (word & SHM_USAGE_MEASURED) != 0 ||
	    (word & (SHM_USAGE_PERMILLE | SHM_USAGE_QUEUE)) == 0;
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
	if (c->usage != 0 && (s->op != CHANNEL_OP_RUN || !is_usage(c->usage)))
		return "a usage that cannot be";
	return NULL;
}

static struct channel_usage
read_usage(uint32_t word)
{
	return (struct channel_usage){
		.measured = (word & SHM_USAGE_MEASURED) != 0,
		.queue_known = (word & SHM_USAGE_QUEUE) != 0,
		.cpu_permille = word & SHM_USAGE_PERMILLE,
		.stall_ms = (uint16_t)(word >> SHM_USAGE_STALL_SHIFT),
	};
}

/*
 * 1: there is a completion to look at; 0: none; -EPROTO.  One read of the tail serves all it
 * announces.
 */
static int
available(struct channel *ch)
{
	if (ch->broken != NULL)
		return -EPROTO;
	if (ch->cq_head != ch->cq_seen)
		return 1;
	CHANNEL_STEP();
	ch->cq_seen = atomic_load_explicit(&ch->b->cq_tail, memory_order_acquire);
	/* after it: so no attempt that has ended has a line behind this one */
	ch->lines_seen = atomic_load_explicit(&ch->b->lines_tail, memory_order_acquire);
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
		.out_len = c.out_len, .aux = c.aux, .usage = read_usage(c.usage),
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

int
channel_woken(struct channel *ch, const char **why)
{
	if (++ch->idle_events <= IDLE_EVENTS_MAX)
		return 0;
	*why = "wakes the broker without completions";
	return -EPROTO;
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

void *
channel_stalled(struct channel *ch, uint32_t *ms)
{
	uint64_t		 note = atomic_load_explicit(&ch->b->stall, memory_order_acquire);
	const struct slot	*s;

	if ((uint32_t)(note >> 32) == ch->stalls_seen)
		return NULL;
	ch->stalls_seen = (uint32_t)(note >> 32);
	*ms = (uint32_t)note;
	s = slot_of(ch, atomic_load_explicit(&ch->b->stall_token, memory_order_relaxed));
	return s == NULL || s->state != SLOT_INFLIGHT || s->op != CHANNEL_OP_RUN ? NULL : s->tag;
}

bool
channel_blames(const struct channel *ch, uint64_t token)
{
	const _Atomic uint64_t	*cur = (const void *)((const char *)ch->b + ch->at.cur);
	const struct slot	*s = slot_of(ch, token);

	return s != NULL && s->state == SLOT_INFLIGHT &&
	    atomic_load_explicit(&cur[ch->cfg.runs], memory_order_relaxed) == token;
}

bool
channel_progress_read(const struct channel *ch, uint64_t token, struct channel_progress *out)
{
	const char			*b = (const char *)ch->b;
	const struct shm_progress	*areas = (const void *)(b + ch->at.progress);
	const struct slot		*s = slot_of(ch, token);

	return s != NULL && s->state == SLOT_INFLIGHT &&
	    shm_progress_load(&areas[s - ch->slots], token, out);
}
