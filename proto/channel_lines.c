/*
 * channel_lines.c - the broker's end of a channel: what attempts say, line by line.  Runs in:
 * broker, loop thread.
 *
 * A ring of bytes in region B.  As everything there it is hostile: a record's head and text are
 * copied once, and what the head says is compared with what is in flight.
 */
#include "proto/channel_broker.h"

#include <errno.h>
#include <string.h>

static void
copy_out(const struct channel *ch, uint32_t from, void *to, size_t len)
{
	const char	*ring = (const char *)ch->b + ch->at.lines;
	uint32_t	 at = from & (SHM_LINES_BYTES - 1);
	size_t		 first = SHM_LINES_BYTES - at < len ? SHM_LINES_BYTES - at : len;

	memcpy(to, ring + at, first);
	memcpy((char *)to + first, ring, len - first);
}

/* Of an attempt whose completion was harvested just now, too: its lines came before. */
static const struct slot *
speaker(const struct channel *ch, uint64_t token)
{
	const struct slot	*s = slot_of(ch, token);

	return s == NULL || s->op != CHANNEL_OP_RUN ? NULL : s;
}

/* NULL, or what is wrong with it. */
static const char *
check_line(const struct channel *ch, const struct shm_line *head, uint32_t there)
{
	if (there > SHM_LINES_BYTES)
		return "more lines than there is room for";
	if (there < sizeof(*head) || head->len > CHANNEL_LINE_BYTES || shm_line_bytes(head->len) > there)
		return "a line that is not all there";
	if (speaker(ch, head->token) == NULL)
		return "a line of an attempt that is not in flight";
	return NULL;
}

bool
channel_has_line(const struct channel *ch)
{
	return ch->lines_seen != ch->lines_head || ch->broken != NULL;
}

int
channel_line_next(struct channel *ch, struct channel_line *out, const char **why)
{
	uint32_t	there = ch->lines_seen - ch->lines_head;
	struct shm_line	head;

	if (!channel_has_line(ch))
		return 0;
	if (ch->broken == NULL) {
		copy_out(ch, ch->lines_head, &head, sizeof(head));
		ch->broken = check_line(ch, &head, there);
	}
	if (ch->broken != NULL) {
		*why = ch->broken;
		return -EPROTO;
	}
	out->tag = speaker(ch, head.token)->tag;
	out->at_ms = head.at_ms;
	out->lost = head.lost;
	out->len = head.len;
	copy_out(ch, ch->lines_head + (uint32_t)sizeof(head), out->text, head.len);
	ch->idle_events = 0;
	ch->lines_head += shm_line_bytes(head.len);
	/* Release: what was read before the room that is given back. */
	atomic_store_explicit(&ch->a->lines_head, ch->lines_head, memory_order_release);
	return 1;
}
