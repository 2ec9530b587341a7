/* rules.c - who may what by the configuration.  Runs in: broker, loop thread. */
#include "daemon/broker/access/rules.h"

#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "proto/config_rule.h"

enum rule_kind { RULE_USER, RULE_GROUP, RULE_CERT };

struct rule {
	struct list	 link;
	enum rule_kind	 kind;
	char		*name;
	uint32_t	 id;		/* of a user or a group */
	bool		 nobody;	/* there is no such user or group */
	struct grant	 grant;
};

static const char *const kinds[] = { "user", "group", "cert" };

/* ---- loading ---- */

static void
rule_free(struct rule *rule)
{
	list_remove(&rule->link);
	grant_fini(&rule->grant);
	free(rule->name);
	free(rule);
}

void
rules_init(struct rules *r)
{
	list_init(&r->list);
}

void
rules_fini(struct rules *r)
{
	while (!list_empty(&r->list))
		rule_free(list_entry(r->list.next, struct rule, link));
}

static bool
find_id(enum rule_kind kind, const char *name, uint32_t *out)
{
	const struct passwd	*pw = kind == RULE_USER ? getpwnam(name) : NULL;
	const struct group	*gr = kind == RULE_GROUP ? getgrnam(name) : NULL;
	int64_t			 number;

	if (pw != NULL)
		*out = pw->pw_uid;
	else if (gr != NULL)
		*out = gr->gr_gid;
	else if (parse_i64(name, strlen(name), 0, UINT32_MAX - 1, &number) == 0)
		*out = (uint32_t)number;
	else
		return false;
	return true;
}

static struct rule *
rule_add(struct rules *r, enum rule_kind kind, const char *name)
{
	struct rule	*rule = mem_zalloc(1, sizeof(*rule));

	rule->kind = kind;
	rule->name = mem_strdup(name);
	rule->nobody = kind != RULE_CERT && !find_id(kind, name, &rule->id);
	list_push_back(&r->list, &rule->link);
	return rule;
}

static void
load_one(struct rules *r, const struct config_rule *said)
{
	enum rule_kind	 kind = RULE_USER;
	const char	*name = strchr(said->who, ':') + 1;
	struct rule	*rule;
	char		 why[200];

	while (strncmp(said->who, kinds[kind], strlen(kinds[kind])) != 0)
		kind++;
	rule = rule_add(r, kind, name);
	if (rule->nobody)
		log_warn("access rule for nobody: there is no such %s name=%s", kinds[kind], name);
	if (grant_parse(said->grant, GRANT_RULE, &rule->grant, why, sizeof(why)) != 0) {
		log_error("access rule refused rule=%s why=\"%s\"", said->who, why);
		rule_free(rule);
	}
}

static bool
says_group(const struct rules *r, const char *name)
{
	list_for(node, &r->list) {
		const struct rule	*rule = list_entry(node, struct rule, link);

		if (rule->kind == RULE_GROUP && strcmp(rule->name, name) == 0)
			return true;
	}
	return false;
}

void
rules_load(struct rules *r, const struct config *c)
{
	rules_fini(r);
	list_for(node, &c->access)
		load_one(r, list_entry(node, struct config_rule, link));
	if (!says_group(r, RULES_GROUP))
		rule_add(r, RULE_GROUP, RULES_GROUP)->grant.role = ROLE_submitter;
}

/* ---- asking ---- */

static const struct rule *
rule_of_user(const struct rules *r, uid_t uid)
{
	list_for(node, &r->list) {
		const struct rule	*rule = list_entry(node, struct rule, link);

		if (rule->kind == RULE_USER && !rule->nobody && rule->id == uid)
			return rule;
	}
	return NULL;
}

static bool
is_member(const struct peer_ids *peer, const struct rule *rule)
{
	for (size_t i = 0; i < peer->ngroups; i++)
		if (rule->kind == RULE_GROUP && !rule->nobody && rule->id == peer->groups[i])
			return true;
	return false;
}

static void
add_group(struct grant *g, const struct grant *of)
{
	if (of->role > g->role) {
		grant_fini(g);
		grant_copy(of, g);
	} else if (of->role == g->role && g->role != ROLE_anybody) {
		grant_join(g, of);
	}
}

void
rules_of_peer(const struct rules *r, const struct peer_ids *peer, struct grant *out)
{
	const struct rule	*own;

	*out = (struct grant){ .role = ROLE_anybody };
	if (peer->uid == 0 || peer->uid == geteuid()) {
		out->role = ROLE_admin;
	} else if ((own = rule_of_user(r, peer->uid)) != NULL) {
		grant_copy(&own->grant, out);
	} else {
		list_for(node, &r->list) {
			const struct rule	*rule = list_entry(node, struct rule, link);

			if (is_member(peer, rule))
				add_group(out, &rule->grant);
		}
	}
}

void
rules_of_certificate(const struct rules *r, const char *cn, struct grant *out)
{
	*out = (struct grant){ .role = ROLE_anybody };
	list_for(node, &r->list) {
		const struct rule	*rule = list_entry(node, struct rule, link);

		if (rule->kind == RULE_CERT && strcmp(rule->name, cn) == 0) {
			grant_copy(&rule->grant, out);
			return;
		}
	}
}
