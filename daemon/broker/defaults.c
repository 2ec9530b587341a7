/* defaults.c - what a type gives its jobs.  Runs in: broker, loop thread. */
#include "daemon/broker/defaults.h"

#include <string.h>

#include "proto/rpc_rows.h"

static bool
unsaid(const struct jobspec *spec, enum rpc_param param)
{
	return (spec->said & RPC_BIT(param)) == 0;
}

/* Of `retry` core knows what the type says. */
void
defaults_of_type(const struct type *t, struct jobspec *spec)
{
	const struct type_defaults	*d = &t->defaults;

	if (unsaid(spec, PARAM_queue) && d->queue != NULL)
		spec->queue = (struct span){ d->queue, strlen(d->queue) };
	if (unsaid(spec, PARAM_priority) && d->priority_said)
		spec->priority = d->priority;
	if (unsaid(spec, PARAM_timeout_ms))
		spec->timeout_ms = d->timeout_ms;
	if (unsaid(spec, PARAM_ttl_ms))
		spec->ttl_ms = d->ttl_ms;
	if (unsaid(spec, PARAM_on_lost))
		spec->on_lost = d->on_lost;
}

void
defaults_fill(const struct broker *b, struct jobspec *spec, enum durability usual)
{
	const struct type	*t = core_type_find(b->core, spec->type.p, spec->type.len);

	if (t != NULL)
		defaults_of_type(t, spec);
	broker_default_durability(b, spec, usual);
}

int
defaults_allow(const struct broker *b, struct span type, const struct grant *grant, struct rpc_error *err)
{
	const struct type	*t = core_type_find(b->core, type.p, type.len);

	if (!grant_has(grant, type.p, type.len))
		return rpc_fail(err, RPC_forbidden, "jobs of type %.*s are not among those granted: %.150s",
		    (int)type.len, type.p, grant->types);
	if (t == NULL || grant->role >= (enum rpc_role)t->role)
		return 0;
	return rpc_fail(err, RPC_forbidden, "jobs of type %s need the role %s", t->name,
	    rpc_role_names[t->role]);
}
