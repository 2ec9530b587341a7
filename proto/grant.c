/* grant.c - roles, with the types that they are for.  Runs in: supervisor, broker. */
#include "proto/grant.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define BLANKS	" \t"
#define SHOWN	100		/* of what is wrong */

static bool
same(struct span word, const char *text)
{
	return strlen(text) == word.len && memcmp(word.p, text, word.len) == 0;
}

bool
grant_word(const char *text, size_t *at, struct span *out)
{
	*at += strspn(text + *at, BLANKS);
	*out = (struct span){ text + *at, strcspn(text + *at, BLANKS) };
	*at += out->len;
	return out->len > 0;
}

static int
shown(struct span word)
{
	return word.len < SHOWN ? (int)word.len : SHOWN;
}

/* ---- reading ---- */

static int
read_role(struct span word, enum grant_kind kind, enum rpc_role *out)
{
	static const enum rpc_role	roles[] = {
		ROLE_viewer, ROLE_submitter, ROLE_operator, ROLE_admin,
	};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		*out = roles[i];
		if (same(word, rpc_role_names[roles[i]]))
			return 0;
	}
	*out = kind == GRANT_TOKEN ? ROLE_worker : ROLE_anybody;
	return same(word, kind == GRANT_TOKEN ? "worker" : "none") ? 0 : -EINVAL;
}

static bool
is_type_name(struct span word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!isalnum((unsigned char)word.p[i]) && strchr("_.-", word.p[i]) == NULL)
			return false;
	return word.len <= BOUND_NAME_BYTES;
}

static int
check_type(const struct grant *g, struct span word, char *why, size_t size)
{
	if (g->role != ROLE_submitter)
		snprintf(why, size, "`%.*s`: types go with the role submitter alone", shown(word),
		    word.p);
	else if (!is_type_name(word))
		snprintf(why, size, "`%.*s` is not the name of a type: 1 to %d of A-Z a-z 0-9 _ . - "
		    "are", shown(word), word.p, BOUND_NAME_BYTES);
	else
		return 0;
	return -EINVAL;
}

static void
add_type(struct grant *g, struct span word)
{
	char	*before = g->types;

	if (before != NULL && grant_has(g, word.p, word.len))
		return;
	g->types = mem_printf("%s%s%.*s", before == NULL ? "" : before, before == NULL ? "" : " ",
	    (int)word.len, word.p);
	free(before);
}

static int
read_types(struct grant *g, const char *text, size_t at, char *why, size_t size)
{
	struct span	word;
	unsigned	count = 0;

	while (grant_word(text, &at, &word)) {
		if (check_type(g, word, why, size) != 0)
			return -EINVAL;
		if (++count > GRANT_TYPES) {
			snprintf(why, size, "more than %d types are named", GRANT_TYPES);
			return -EINVAL;
		}
		add_type(g, word);
	}
	return 0;
}

int
grant_parse(const char *text, enum grant_kind kind, struct grant *out, char *why, size_t size)
{
	struct grant	g = { .role = ROLE_anybody };
	struct span	role;
	size_t		at = 0;

	grant_word(text, &at, &role);
	if (read_role(role, kind, &g.role) != 0) {
		snprintf(why, size, "`%.*s` is not a role: %s, viewer, submitter [TYPE...], operator and "
		    "admin are", shown(role), role.p, kind == GRANT_TOKEN ? "worker" : "none");
		return -EINVAL;
	}
	if (read_types(&g, text, at, why, size) != 0) {
		grant_fini(&g);
		return -EINVAL;
	}
	*out = g;
	return 0;
}

/* ---- asking ---- */

bool
grant_has(const struct grant *g, const char *type, size_t len)
{
	struct span	word;
	size_t		at = 0;

	if (g->types == NULL)
		return true;
	while (grant_word(g->types, &at, &word))
		if (word.len == len && memcmp(word.p, type, len) == 0)
			return true;
	return false;
}

bool
grant_equal(const struct grant *a, const struct grant *b)
{
	if (a->role != b->role || (a->types == NULL) != (b->types == NULL))
		return false;
	return a->types == NULL || strcmp(a->types, b->types) == 0;
}

/* ---- making ---- */

void
grant_copy(const struct grant *from, struct grant *out)
{
	out->role = from->role;
	out->types = from->types == NULL ? NULL : mem_strdup(from->types);
}

void
grant_join(struct grant *g, const struct grant *b)
{
	struct span	word;
	size_t		at = 0;

	if (g->types == NULL)
		return;				/* every one already */
	if (b->types == NULL) {
		free(g->types);
		g->types = NULL;
		return;
	}
	while (grant_word(b->types, &at, &word))
		add_type(g, word);
}

void
grant_fini(struct grant *g)
{
	free(g->types);
	*g = (struct grant){ .role = ROLE_anybody };
}
