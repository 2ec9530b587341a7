/* config_rule.c - rules of [access].  Runs in: supervisor, broker. */
#include "proto/config_rule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "proto/grant.h"

#define NAME_BYTES	200	/* a principal with its `cert:` fits wherever a tenant does */

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Whoever it is has a name that stands in logs and replies as it is. */
static bool
is_plain_name(const char *name)
{
	size_t	n = strlen(name);

	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f ||
		    strchr("\"\\", *p) != NULL)
			return false;
	return n >= 1 && n <= NAME_BYTES && name[0] != ' ' && name[n - 1] != ' ';
}

bool
config_rule_is(const char *key)
{
	return strchr(key, ':') != NULL;
}

bool
config_is_principal(const char *text)
{
	static const char *const	kinds[] = { "uid:", "user:", "token:", "cert:" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (begins(text, kinds[i]))
			return is_plain_name(text + strlen(kinds[i]));
	return false;
}

static bool
is_who(const char *who)
{
	return (begins(who, "user:") || begins(who, "group:") || begins(who, "cert:")) &&
	    is_plain_name(strchr(who, ':') + 1);
}

static struct config_rule *
find(const struct list *rules, const char *who)
{
	list_for(node, rules) {
		struct config_rule	*r = list_entry(node, struct config_rule, link);

		if (strcmp(r->who, who) == 0)
			return r;
	}
	return NULL;
}

const struct config_rule *
config_rule_find(const struct list *rules, const char *who)
{
	return find(rules, who);
}

static void
rule_free(struct config_rule *r)
{
	list_remove(&r->link);
	free(r->who);
	free(r->grant);
	free(r);
}

int
config_rule_set(struct list *rules, const char *who, const char *grant, char *why, size_t size)
{
	struct config_rule	*r = find(rules, who);
	struct grant		 checked;
	char			 reason[300];

	if (!is_who(who)) {
		snprintf(why, size, "access.%.100s: is nobody; user:NAME, group:NAME and cert:NAME "
		    "are, with a name of 1 to %d printable characters", who, NAME_BYTES);
		return -EINVAL;
	}
	if (grant_parse(grant, GRANT_RULE, &checked, reason, sizeof(reason)) != 0) {
		snprintf(why, size, "access.%.100s: %s", who, reason);
		return -EINVAL;
	}
	grant_fini(&checked);
	if (r != NULL)
		rule_free(r);
	r = mem_zalloc(1, sizeof(*r));
	r->who = mem_strdup(who);
	r->grant = mem_strdup(grant);
	list_push_back(rules, &r->link);
	return 0;
}

void
config_rules_free(struct list *rules)
{
	while (!list_empty(rules))
		rule_free(list_entry(rules->next, struct config_rule, link));
}
