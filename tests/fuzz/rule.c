/*
 * rule.c - libFuzzer target: any lines `WHO = GRANT` as rules of [access].  What is taken is found again
 * under its name, once, with a grant; a refusal leaves what was there and says why.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/alloc.h"
#include "proto/config_rule.h"
#include "proto/grant.h"

static size_t
count(const struct list *rules, const char *who)
{
	size_t	n = 0;

	list_for(node, rules)
		n += strcmp(list_entry(node, struct config_rule, link)->who, who) == 0;
	return n;
}

static void
check_taken(const struct list *rules, const char *who, const char *grant)
{
	const struct config_rule	*r = config_rule_find(rules, who);
	struct grant			 g;
	char				 why[300];

	require(config_rule_is(who));
	require(r != NULL && strcmp(r->who, who) == 0 && strcmp(r->grant, grant) == 0);
	require(count(rules, who) == 1);
	for (const char *p = who; *p != '\0'; p++)
		require(*p >= 0x20 && *p < 0x7f);
	require(grant_parse(r->grant, GRANT_RULE, &g, why, sizeof(why)) == 0);
	grant_fini(&g);
}

/* line: modified. */
static void
take(struct list *rules, char *line)
{
	char	*equals = strchr(line, '='), why[512] = "", *before;

	(void)config_is_principal(line);
	if (equals == NULL)
		return;
	*equals = '\0';
	before = config_rule_find(rules, line) == NULL ? NULL :
	    mem_strdup(config_rule_find(rules, line)->grant);
	if (config_rule_set(rules, line, equals + 1, why, sizeof(why)) == 0) {
		check_taken(rules, line, equals + 1);
	} else {
		require(why[0] != '\0');
		require((config_rule_find(rules, line) == NULL) == (before == NULL));
		require(before == NULL || strcmp(config_rule_find(rules, line)->grant, before) == 0);
	}
	free(before);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		*text = mem_strndup((const char *)data, size), *line, *save = NULL;
	struct list	 rules;

	list_init(&rules);
	for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		take(&rules, line);
	config_rules_free(&rules);
	free(text);
	return 0;
}
