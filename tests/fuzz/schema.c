/* schema.c - libFuzzer target: any schema, and any argument for it behind the first NUL. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include <jansson.h>

#include "lib/alloc.h"
#include "workers/schema.h"

static void
check_argument(const struct schema *s, const char *text, size_t len)
{
	char	 why[256] = "", *whole;
	json_t	*tree = schema_read(s, text, len, why, sizeof(why)), *again;

	require((tree == NULL) == (why[0] != '\0'));
	if (tree == NULL)
		return;
	/* with its defaults it must still be what the schema asks for */
	whole = json_dumps(tree, JSON_ENCODE_ANY);
	require(whole != NULL);
	again = schema_read(s, whole, strlen(whole), why, sizeof(why));
	require(again != NULL && json_equal(tree, again));
	json_decref(again);
	json_decref(tree);
	free(whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*text = (const char *)data, *nul = size == 0 ? NULL : memchr(text, '\0', size);
	size_t		 len = nul == NULL ? size : (size_t)(nul - text);
	char		*schema = mem_strndup(text == NULL ? "" : text, len), why[256] = "";
	struct schema	*s = schema_compile(schema, why, sizeof(why));

	require((s == NULL) == (why[0] != '\0'));
	if (s != NULL && nul != NULL)
		check_argument(s, nul + 1, size - len - 1);
	schema_free(s);
	free(schema);
	return 0;
}
