/*
 * channel_broker.h - the broker's end of a channel as its files see it; private to
 * proto/channel_*.c.
 *
 * channel_create.c makes and frees it, channel_submit.c writes entries and wakes the worker,
 * channel_harvest.c takes completions and looks at what is in flight, channel_lines.c takes what attempts say.
 */
#ifndef PROTO_CHANNEL_BROKER_H
#define PROTO_CHANNEL_BROKER_H

#include "proto/arena.h"
#include "proto/channel_layout.h"

#define NO_SLOT	UINT32_MAX

enum slot_state { SLOT_FREE, SLOT_INFLIGHT, SLOT_HARVESTED };

struct slot {
	uint64_t	 token;
	void		*tag;
	uint64_t	 in_off, out_off;	/* ARENA_NONE: no chunk */
	uint32_t	 in_len, out_cap;
	uint32_t	 prev, next;		/* in flight: by submission; free: next only */
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
	uint32_t		 free_slot, fresh_slots; /* given back; unused from here on */
	uint32_t		 oldest, newest;		/* in flight */
	uint32_t		 inflight;
	size_t			 bytes_out;

	uint32_t		 sq_tail, published;
	uint32_t		 cq_head, cq_seen;	/* harvested, seen published up to */
	uint32_t		 lines_head, lines_seen;	/* bytes of lines: read, seen published up to */
	uint32_t		 settled;		/* released without a gap up to */
	uint8_t			*released;		/* by position, from settled to cq_head */
	uint64_t		 epoch, last_woken;
	uint32_t		 kicks, cancels, cpu;
	uint64_t		 wakes;			/* of a worker that slept, by either kind of kick */
	uint32_t		 idle_events;
	uint32_t		 stalls_seen;		/* notes of a loop that does not turn */
	const char		*broken;		/* why nothing of it is believed any more */
};

/* The slot of a token, unless that is no attempt's any more. */
static inline struct slot *
slot_of(const struct channel *ch, uint64_t token)
{
	struct slot	*s = &ch->slots[(uint32_t)token & ch->mask];

	return s->state != SLOT_FREE && s->token == token ? s : NULL;
}

#endif
