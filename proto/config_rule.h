/*
 * config_rule.h - rules of [access]: `user:NAME`, `group:NAME` or `cert:CN`, and what it is
 * granted.
 */
#ifndef PROTO_CONFIG_RULE_H
#define PROTO_CONFIG_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/list.h"

struct config_rule {
	struct list	 link;
	char		*who;		/* "group:ci" */
	char		*grant;		/* "submitter build deploy" */
};

/* Is this a key of a rule, not of an option? */
bool config_rule_is(const char *key);
/*
 * A rule, in place of one for the same.  0, or -EINVAL with a sentence that says what is wrong and
 * what is allowed in why[size].
 */
int config_rule_set(struct list *rules, const char *who, const char *grant, char *why, size_t size);
const struct config_rule *config_rule_find(const struct list *rules, const char *who);
void config_rules_free(struct list *rules);
/* A principal, as a section [quota PRINCIPAL] names it? */
bool config_is_principal(const char *text);

#endif
