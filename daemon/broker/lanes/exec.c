/* exec.c - exec workers: one at least for the usual user, and more as they are needed.
 * Runs in: broker, loop thread.
 *
 * A pool is a user.  Core says whether a job of it could start if there were one more worker; a
 * worker that has had nothing to do for commands.idle_ms ends, but for the last one of the usual
 * pool, which is there before jobd serves.
 */
#include "daemon/broker/lanes/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"

#define POOL_BYTES	(sizeof(((struct seat *)0)->pool_name) + 8)

struct exec_pool {
	uint32_t	 number;	/* core's */
	char		 user[];
};

static struct exec_pool *
find(const struct lanes *l, const char *user)
{
	for (size_t i = 0; i < l->exec_pools_len; i++)
		if (strcmp(l->exec_pools[i]->user, user) == 0)
			return l->exec_pools[i];
	return NULL;
}

uint32_t
exec_pool(struct lanes *l, const char *user)
{
	struct exec_pool	*p = find(l, user);
	char			 name[POOL_BYTES];
	uint32_t		 number;

	if (p != NULL)
		return p->number;
	snprintf(name, sizeof(name), "exec%s%s", user[0] == '\0' ? "" : ":", user);
	number = core_pool_get(l->broker->core, (struct span){ name, strlen(name) });
	if (number == CORE_NO_POOL)
		return number;
	p = mem_zalloc(1, sizeof(*p) + strlen(user) + 1);
	p->number = number;
	strcpy(p->user, user);
	l->exec_pools = mem_resize(l->exec_pools, l->exec_pools_len + 1, sizeof(struct exec_pool *));
	l->exec_pools[l->exec_pools_len++] = p;
	return number;
}

const char *
exec_user(const struct lanes *l, uint32_t pool)
{
	for (size_t i = 0; i < l->exec_pools_len; i++)
		if (l->exec_pools[i]->number == pool)
			return l->exec_pools[i]->user;
	return EXEC_USUAL;
}

void
exec_fini(struct lanes *l)
{
	for (size_t i = 0; i < l->exec_pools_len; i++)
		free(l->exec_pools[i]);
	free(l->exec_pools);
}

/* ---- how many there are ---- */

/* Seats of a user that take jobs, or will; but for `except`. */
static unsigned
count(const struct lanes *l, const char *user, bool up, const struct seat *except)
{
	unsigned	n = 0;

	for (uint32_t i = 0; i < l->seats_len; i++) {
		const struct seat	*s = l->seats[i];

		n += s != NULL && s != except && s->lane == CONTROL_LANE_EXEC && s->alone_for == 0 &&
		    !s->leaving && !s->drained && (s->up || !up) && strcmp(s->pool_name, user) == 0;
	}
	return n;
}

static unsigned
count_all(const struct lanes *l)
{
	unsigned	n = 0;

	for (uint32_t i = 0; i < l->seats_len; i++)
		n += l->seats[i] != NULL && l->seats[i]->lane == CONTROL_LANE_EXEC;
	return n;
}

/* The usual pool is never without. */
static bool
is_last_usual(const struct seat *seat)
{
	return strcmp(seat->pool_name, EXEC_USUAL) == 0 && count(seat->lanes, EXEC_USUAL, false, seat) == 0;
}

/* ---- more of them ---- */

void
exec_start(struct lanes *l)
{
	exec_pool(l, EXEC_USUAL);
	seat_request(seat_new(l, CONTROL_LANE_EXEC, EXEC_USUAL, 0));
}

/* One that does nothing makes room for a user who has none. */
static void
make_room(struct lanes *l)
{
	for (uint32_t i = 0; i < l->seats_len; i++) {
		struct seat	*seat = l->seats[i];

		if (seat == NULL || seat->lane != CONTROL_LANE_EXEC || seat->alone_for != 0 ||
		    seat->state != WORKER_IDLE || is_last_usual(seat))
			continue;
		seat_give_up(seat, "commands of another user wait for a worker");
		return;
	}
}

/* One at a time: when it is up, core is asked again. */
static void
want(struct lanes *l, const struct exec_pool *p)
{
	if (!core_pool_wants(l->broker->core, p->number) ||
	    count(l, p->user, false, NULL) > count(l, p->user, true, NULL))
		return;
	if (count_all(l) >= EXEC_SEATS_MAX)
		make_room(l);
	else
		seat_request(seat_new(l, CONTROL_LANE_EXEC, p->user, 0));
}

void
exec_want(struct lanes *l)
{
	for (size_t i = 0; i < l->exec_pools_len; i++)
		want(l, l->exec_pools[i]);
}

/* ---- fewer ---- */

void
exec_look(struct seat *seat)
{
	const struct broker	*b = seat->lanes->broker;

	if (seat->state == WORKER_IDLE && seat->alone_for == 0 &&
	    b->now.real_ms - seat->since_ms >= b->config.commands_idle_ms && !is_last_usual(seat))
		seat_give_up(seat, "commands.idle_ms");
}

bool
exec_needed(const struct seat *seat)
{
	const struct exec_pool	*p = find(seat->lanes, seat->pool_name);

	if (seat->drained)
		return true;			/* its place is kept */
	return is_last_usual(seat) || (p != NULL && core_pool_wants(seat->lanes->broker->core, p->number));
}
