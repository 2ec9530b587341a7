/* principals.c - what each principal has, and may have.  Runs in: broker, loop thread. */
#include "daemon/broker/access/principals.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"

#define USER	"user:"		/* [quota user:NAME] is about uid:NUMBER */

void
principals_init(struct principals *p)
{
	*p = (struct principals){ 0 };
}

void
principals_free(struct principals *p)
{
	struct principal	*one;

	for (size_t at = 0; (one = namemap_next(&p->map, &at)) != NULL;)
		free(one);
	namemap_free(&p->map);
}

struct principal *
principals_get(struct principals *p, const char *name, size_t len)
{
	struct principal	*one = namemap_get(&p->map, name, len);

	if (one != NULL)
		return one;
	one = mem_zalloc(1, sizeof(*one) + len + 1);
	list_init(&one->link);
	memcpy(one->name, name, len);
	namemap_put(&p->map, one->name, len, one);
	return one;
}

/* ---- what the configuration says ---- */

static struct principal *
named(struct principals *p, const char *name)
{
	const struct passwd	*pw;
	char			 text[32];

	if (strncmp(name, USER, sizeof(USER) - 1) != 0)
		return principals_get(p, name, strlen(name));
	if ((pw = getpwnam(name + sizeof(USER) - 1)) == NULL) {
		log_warn("quota of nobody: there is no such user name=%s", name);
		return NULL;
	}
	snprintf(text, sizeof(text), "uid:%u", pw->pw_uid);
	return principals_get(p, text, strlen(text));
}

void
principals_configure(struct principals *p, const struct config *c)
{
	struct principal	*one;

	for (size_t at = 0; (one = namemap_next(&p->map, &at)) != NULL;)
		one->has_own = false;
	p->usual = (struct quota){ c->access_max_connections, c->access_max_jobs,
	    c->access_max_bytes };
	list_for(node, &c->quotas) {
		const struct config_limit	*l = list_entry(node, struct config_limit, link);

		if ((one = named(p, l->name)) == NULL)
			continue;
		one->has_own = true;
		one->own = (struct quota){ l->max_connections, l->max_jobs, l->max_bytes };
	}
}

static struct quota
quota_of(const struct principals *p, const struct identity *who)
{
	static const struct quota	none = { 0 };

	if (who->of->has_own)
		return who->of->own;
	return who->grant.role < ROLE_operator ? p->usual : none;
}

/* ---- checks ---- */

static int
exceeded(const struct identity *who, const char *what, int64_t has, int64_t wants, int64_t max,
    struct rpc_error *err)
{
	rpc_fail(err, RPC_quota_exceeded, "%.100s has %" PRId64 " %s, and may have %" PRId64,
	    who->name, has, what, max);
	snprintf(err->data, sizeof(err->data),
	    "\"quota\":\"%s\",\"used\":%" PRId64 ",\"wanted\":%" PRId64 ",\"max\":%" PRId64,
	    what, has, wants, max);
	return -1;
}

int
principals_check_connection(const struct principals *p, const struct identity *who,
    struct rpc_error *err)
{
	struct quota	q = quota_of(p, who);

	if (q.connections == 0 || who->of->connections < q.connections)
		return 0;
	return exceeded(who, "connections", who->of->connections, 1, q.connections, err);
}

int
principals_check_job(const struct principals *p, const struct identity *who, int64_t bytes,
    struct rpc_error *err)
{
	const struct account	*a = &who->of->account;
	struct quota		 q = quota_of(p, who);

	if (q.jobs > 0 && a->unfinished >= q.jobs)
		return exceeded(who, "jobs", a->unfinished, 1, q.jobs, err);
	if (q.bytes > 0 && a->waiting_bytes + bytes > q.bytes)
		return exceeded(who, "bytes", a->waiting_bytes, bytes, q.bytes, err);
	return 0;
}
