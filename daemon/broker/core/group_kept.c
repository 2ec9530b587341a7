/* group_kept.c - how long finished groups are remembered.  Runs in: broker, loop thread.
 *
 * Two lists, as groups of either durability have a time of their own; each has a bound.
 */
#include "daemon/broker/core/core_internal.h"

#include <string.h>

static struct group *
oldest(const struct kept_groups *k)
{
	return list_empty(&k->groups) ? NULL : list_entry(k->groups.next, struct group, kept);
}

/* Its name is free. */
void
group_unname(struct core *c, struct group *g)
{
	if (namemap_get(&c->groups.names, g->name, strlen(g->name)) == g)
		namemap_del(&c->groups.names, g->name, strlen(g->name));
}

static bool
forget_one(struct core *c, struct kept_groups *k, int64_t now_ns, struct effect *out)
{
	struct group	*g = oldest(k);

	if (g == NULL || (g->forget_ns > now_ns && k->count <= BOUND_GROUPS_KEPT))
		return false;
	k->count--;
	list_remove(&g->kept);
	list_remove(&g->link);
	idset_del(&c->groups.numbers, g->number);
	group_unname(c, g);
	c->groups.doomed = g;
	*out = (struct effect){ .kind = EFFECT_GROUP_FORGOTTEN, .group = g };
	return true;
}

bool
groups_take_forgotten(struct core *c, struct core_time now, struct effect *out)
{
	return forget_one(c, &c->groups.kept[0], now.mono_ns, out) ||
	    forget_one(c, &c->groups.kept[1], now.mono_ns, out);
}

/* The first to be forgotten is the first in the list. */
void
group_keep(struct core *c, struct group *g)
{
	struct kept_groups	*k = &c->groups.kept[g->durable];
	struct list		*after = k->groups.prev;

	while (after != &k->groups && list_entry(after, struct group, kept)->forget_ns > g->forget_ns)
		after = after->prev;
	list_insert_before(after->next, &g->kept);
	k->count++;
}

/* The effect that told of its end was carried out. */
void
groups_bury(struct core *c)
{
	if (c->groups.doomed != NULL)
		group_unref(c, c->groups.doomed);
	c->groups.doomed = NULL;
}

int64_t
groups_next_ns(const struct core *c)
{
	int64_t	next_ns = INT64_MAX;

	for (int i = 0; i < 2; i++) {
		const struct group	*g = oldest(&c->groups.kept[i]);

		if (g != NULL && g->forget_ns < next_ns)
			next_ns = g->forget_ns;
	}
	return next_ns;
}
