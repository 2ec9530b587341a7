/*
 * tokens.c - libFuzzer target: any text as the file of tokens.  What is taken is printed as a text that
 * says the same; what is not is named with its line.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "daemon/broker/access/tokens.h"

static void
check_found(const struct tokens *t)
{
	uint32_t	n = 0;

	list_for(node, &t->list) {
		const struct token	*one = list_entry(node, struct token, link);

		require(tokens_find(t, one->id, strlen(one->id)) == one);
		n++;
	}
	require(n == t->len && n <= TOKENS_MAX);
}

static void
print_again(const struct buf *text, struct buf *out)
{
	struct tokens	t;
	char		why[300];

	tokens_init(&t);
	require(tokens_read(&t, buf_data(text), buf_len(text), why, sizeof(why)) == 0);
	check_found(&t);
	tokens_print(&t, out);
	tokens_fini(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tokens	t;
	struct buf	first = { 0 }, second = { 0 };
	char		why[300] = "";
	int		line;

	tokens_init(&t);
	if (tokens_read(&t, (const char *)data, size, why, sizeof(why)) == 0) {
		require(size == 0 || memchr(data, '\0', size) == NULL);
		check_found(&t);
		tokens_print(&t, &first);
		print_again(&first, &second);
		require(buf_len(&first) == buf_len(&second));
		require(memcmp(buf_data(&first), buf_data(&second), buf_len(&first)) == 0);
	} else {
		line = atoi(why);
		require(line >= 1 && line <= last_line(data, size));
	}
	tokens_fini(&t);
	buf_free(&first);
	buf_free(&second);
	return 0;
}
