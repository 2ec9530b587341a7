/* changes.c - the last transitions of all jobs, for those who watch.
 * Runs in: broker, loop thread.
 *
 * A ring of a fixed size that is filled from the first wish on; before, a transition costs one look
 * at a pointer.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

void
core_changes_keep(struct core *c, uint64_t count)
{
	struct changes	*ch = &c->changes;

	if (ch->ring != NULL || count == 0)
		return;
	ch->ring = mem_zalloc(count, sizeof(ch->ring[0]));
	ch->cap = count;
	ch->first = ch->next;
}

/* Each has its place by its number. */
void
core_changes_resize(struct core *c, uint64_t count)
{
	struct changes	*ch = &c->changes;
	struct change	*ring;

	if (ch->ring == NULL || count == 0 || count == ch->cap)
		return;
	ring = mem_zalloc(count, sizeof(ring[0]));
	if (ch->next - ch->first > count)
		ch->first = ch->next - count;
	for (uint64_t n = ch->first; n < ch->next; n++)
		ring[n % count] = ch->ring[n % ch->cap];
	free(ch->ring);
	ch->ring = ring;
	ch->cap = count;
}

void
changes_free(struct changes *ch)
{
	free(ch->ring);
}

void
change_note(struct changes *ch, uint64_t id, struct transition t)
{
	ch->ring[ch->next++ % ch->cap] = (struct change){ .id = id, .how = t };
	if (ch->next - ch->first > ch->cap)
		ch->first++;
}

uint64_t
core_changes_first(const struct core *c)
{
	return c->changes.first;
}

uint64_t
core_changes_next(const struct core *c)
{
	return c->changes.next;
}

const struct change *
core_change(const struct core *c, uint64_t number)
{
	const struct changes	*ch = &c->changes;

	if (number < ch->first || number >= ch->next)
		return NULL;
	return &ch->ring[number % ch->cap];
}
