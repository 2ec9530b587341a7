/* args.c - libFuzzer target: any text as the argument of each built-in type. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include <jansson.h>

#include "workers/handlers/handlers.h"
#include "workers/schema.h"

static void
check_type(const struct handler_entry *h, const char *text, size_t len)
{
	char	 why[1024] = "";
	json_t	*tree;

	if (h->schema == NULL)
		return;
	tree = schema_read(h->schema, text, len, why, sizeof(why));
	require((tree == NULL) == (why[0] != '\0'));
	if (tree == NULL) {
		require(strncmp(why, "args", 4) == 0);
		return;
	}
	require(json_is_object(tree));		/* what args.h takes for granted */
	json_decref(tree);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int			 ready;
	const struct handler_entry	*h;
	size_t				 at = 0;
	char				 why[256];

	if (!ready) {
		require(handlers_init(why, sizeof(why)) == 0);
		ready = 1;
	}
	while ((h = handler_next(&at)) != NULL)
		check_type(h, (const char *)data, size);
	return 0;
}
