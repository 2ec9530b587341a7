/*
 * channel_submit.c - the broker's end of a channel: entries for the worker, its wake-up, and the
 * broker's own sleep.  Runs in: broker, loop thread.
 */
#include "proto/channel_broker.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- slots ---- */

/*
 * FIFO: the slot is the position in the ring, so an order of completion is an order of slots.  A
 * slot that was harvested is taken until its output is released.
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

/*
 * gen << 32 | sequence number; its lower bits are the slot, the upper ones count the slot's uses
 * from 1.
 */
static uint64_t
token_make(struct channel *ch, uint32_t n)
{
	struct slot	*s = &ch->slots[n];

	s->uses++;
	if ((uint32_t)(s->uses << ch->slot_bits) == 0)
		s->uses = 1;
	return (uint64_t)ch->gen << 32 | (uint32_t)(s->uses << ch->slot_bits) | n;
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
	struct shm_sqe		*ring = (void *)((char *)ch->a + ch->at.sqes);

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
	/*
	 * The word first: a worker that read it before it announced its sleep then does not sleep.
	 */
	atomic_store_explicit(&ch->a->kick, ++ch->kicks, memory_order_relaxed);
	CHANNEL_STEP();
	syscall(SYS_futex, &ch->a->kick, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/*
 * Call after a word was written that the worker looks at before it sleeps.  One kick per sleep
 * suffices, because a kick is latched: in the futex word, or in the socket's buffer.
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
	ch->wakes++;
	kick(ch);
}

uint64_t
channel_wakes(const struct channel *ch)
{
	return ch->wakes;
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
	_Atomic uint64_t	*words = (void *)((char *)ch->a + ch->at.cancels);

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

void
channel_log(struct channel *ch, enum log_level level)
{
	atomic_store_explicit(&ch->a->log_level, 1 + (uint32_t)level, memory_order_relaxed);
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
	    (atomic_load_explicit(&ch->b->cq_tail, memory_order_relaxed) != ch->cq_head ||
	    atomic_load_explicit(&ch->b->lines_tail, memory_order_relaxed) != ch->lines_head);
}

void
channel_disarm(struct channel *ch)
{
	CHANNEL_STEP();
	atomic_store_explicit(&ch->a->arm, ch->epoch, memory_order_relaxed);
}
