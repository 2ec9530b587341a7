/* identity.c - who a connection is.  Runs in: broker, loop thread. */
#include "daemon/broker/access/identity.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

struct identity *
identity_new(const char *name, struct grant *grant, struct principal *of)
{
	size_t		 len = strlen(name);
	struct identity	*who = mem_zalloc(1, sizeof(*who) + len + 1);

	who->refs = 1;
	who->grant = *grant;
	*grant = (struct grant){ .role = ROLE_anybody };
	who->of = of;
	memcpy(who->name, name, len);
	return who;
}

struct identity *
identity_ref(struct identity *who)
{
	who->refs++;
	return who;
}

void
identity_unref(struct identity *who)
{
	if (who == NULL || --who->refs > 0)
		return;
	grant_fini(&who->grant);
	free(who);
}
