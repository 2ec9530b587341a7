/* unique_key.c - unique keys of submissions.  Runs in: broker, loop thread. */
#include "daemon/broker/unique_key.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/broker/unique_print.h"
#include "lib/clock.h"

/* Keys may be long, and messages are not: so much of it, in whole characters. */
#define SHOWN	64

static int
shown(const struct unique *u)
{
	size_t	len = u->key_len;

	if (len <= SHOWN)
		return (int)len;
	for (len = SHOWN; len > 0 && ((unsigned char)u->key[len] & 0xc0) == 0x80; len--)
		continue;
	return (int)len;
}

static int
conflict(const struct unique *u, const char *member, struct rpc_error *err)
{
	bool	known = member[0] != '\0';

	rpc_fail(err, RPC_conflict, "job %" PRIu64 " has the unique_key %.*s%s, and %s%s is not the same",
	    u->job_id, shown(u), u->key, u->key_len > SHOWN ? "..." : "", known ? "its " : "what it says",
	    member);
	snprintf(err->data, sizeof(err->data), "\"id\":%" PRIu64 "%s%s%s", u->job_id,
	    known ? ",\"member\":\"" : "", member, known ? "\"" : "");
	return -1;
}

int
unique_key_find(const struct broker *b, const struct jobspec *spec, const struct unique **held,
    struct rpc_error *err)
{
	struct unique_print	 print;
	const char		*member;

	if (spec->unique_key.len == 0)
		return 0;
	if ((*held = core_unique_find(b->core, b->now, spec->unique_key)) == NULL)
		return 0;
	unique_print_make(spec, &print);
	if ((member = unique_print_differs(&(*held)->print, &print)) != NULL)
		return conflict(*held, member, err);
	/* What is accepted as durable is not to be answered with a job that can be lost. */
	if (spec->durability == DURABILITY_COMMIT && !(*held)->durable)
		return conflict(*held, "durability", err);
	return 1;
}

void
unique_key_hold(struct broker *b, const struct jobspec *spec, struct job *j)
{
	struct unique_claim	claim = { .key = spec->unique_key };

	if (spec->unique_key.len == 0)
		return;
	if (spec->unique_ms > 0)
		claim.until_ns = clock_after_ms(b->now.mono_ns, spec->unique_ms);
	unique_print_make(spec, &claim.print);
	core_unique_hold(b->core, b->now, j, &claim);
}

static int
taken(const struct unique *held, struct rpc_error *err)
{
	rpc_fail(err, RPC_conflict, "job %" PRIu64 " has the unique_key %.*s%s", held->job_id, shown(held),
	    held->key, held->key_len > SHOWN ? "..." : "");
	snprintf(err->data, sizeof(err->data), "\"id\":%" PRIu64, held->job_id);
	return -1;
}

int
unique_key_check(const struct broker *b, const struct jobspec *spec, struct rpc_error *err)
{
	const struct unique	*held;
	int			 rc = unique_key_find(b, spec, &held, err);

	return rc > 0 ? taken(held, err) : rc;
}

int
unique_key_taken(const struct broker *b, const struct job *j, struct rpc_error *err)
{
	const struct unique	*own = job_unique(j);

	return taken(core_unique_find(b->core, b->now, (struct span){ own->key, own->key_len }), err);
}
