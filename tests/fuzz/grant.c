/*
 * grant.c - libFuzzer target: any text as a grant.  What is taken has each type once, allows those types
 * and no other, and is the same when it is said again; what is not is said why.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/alloc.h"
#include "proto/grant.h"

static void
check_types(const struct grant *g)
{
	struct span	word;
	size_t		at = 0, n = 0;

	require(g->role == ROLE_submitter);
	for (; grant_word(g->types, &at, &word); n++) {
		require(word.len > 0 && memchr(word.p, ' ', word.len) == NULL);
		require(grant_has(g, word.p, word.len));
	}
	require(n > 0 && n <= GRANT_TYPES);
	require(!grant_has(g, "no type", 7));
}

static void
check_again(const struct grant *g, enum grant_kind kind)
{
	char		*text = mem_printf("%s %s", g->role == ROLE_anybody ? "none" :
				    rpc_role_names[g->role], g->types == NULL ? "" : g->types);
	struct grant	 again, joined;
	char		 why[300];

	require(grant_parse(text, kind, &again, why, sizeof(why)) == 0);
	require(grant_equal(g, &again));
	grant_copy(g, &joined);
	if (g->role == ROLE_submitter) {
		grant_join(&joined, &again);
		require(grant_equal(g, &joined));
	}
	grant_fini(&joined);
	grant_fini(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		*text = mem_strndup((const char *)data, size), why[300] = "";
	struct grant	 g;

	for (enum grant_kind kind = GRANT_RULE; kind <= GRANT_TOKEN; kind++) {
		if (grant_parse(text, kind, &g, why, sizeof(why)) != 0) {
			require(why[0] != '\0');
			continue;
		}
		require(g.role != (kind == GRANT_RULE ? ROLE_worker : ROLE_anybody));
		if (g.types != NULL)
			check_types(&g);
		check_again(&g, kind);
		grant_fini(&g);
	}
	free(text);
	return 0;
}
