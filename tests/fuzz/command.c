/*
 * command.c - libFuzzer target: a spec and arguments, any text each, divided by the first NUL.
 *
 * Whatever comes out must be something that may be given to execve: texts without a NUL, at least
 * a program, and of a type that allows no dash no argument that a value has made an option.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "workers/command.h"

static const char	fixed[] =
    "{\"argv\":[\"p\",\"{s}\",\"{i}-x\",\"{l}\",\"--k={p}\",\"{b}{e}\"],\"params\":{"
    "\"s\":{\"type\":\"string\",\"default\":\"a\"},\"i\":{\"type\":\"int\",\"default\":1},"
    "\"l\":{\"type\":\"strings\",\"default\":[]},\"p\":{\"type\":\"path\",\"default\":\"/\"},"
    "\"b\":{\"type\":\"bool\",\"default\":true},"
    "\"e\":{\"type\":\"enum\",\"values\":[\"u\",\"v\"],\"default\":\"u\"}},"
    "\"env_allow\":[\"TZ\",\"LD_PRELOAD\"],\"stdin\":\"text\"}";

static void
check_result(const struct command *c)
{
	require(c->argv.n > 0 && c->argv.v[0][0] != '\0' && c->argv.v[c->argv.n] == NULL);
	require(c->argv.n <= COMMAND_ARGS_MAX);
	require(c->cwd == NULL || c->cwd[0] == '/');
	for (size_t i = 0; i < c->env.n; i++)
		require(strchr(c->env.v[i], '=') > c->env.v[i]);
}

static void
build(struct span spec, struct span args, bool is_fixed)
{
	struct command	c;
	char		why[256] = "";
	int		rc = command_build(spec, args, &c, why, sizeof(why));

	require((rc == 0) == (why[0] == '\0'));
	if (rc == 0)
		check_result(&c);
	for (size_t i = 1; rc == 0 && is_fixed && i < c.argv.n; i++)
		require(c.argv.v[i][0] != '-' || strncmp(c.argv.v[i], "--k=", 4) == 0);
	for (size_t i = 0; rc == 0 && is_fixed && i < c.env.n; i++)
		require(strncmp(c.env.v[i], "TZ=", 3) == 0);
	command_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*text = (const char *)data;
	const char	*nul = size == 0 ? NULL : memchr(text, '\0', size);
	struct span	 all = { text, size };

	build((struct span){ fixed, sizeof(fixed) - 1 }, all, true);
	build((struct span){ "{\"free\":true}", 13 }, all, false);
	if (nul == NULL)
		return 0;
	build((struct span){ text, (size_t)(nul - text) },
	    (struct span){ nul + 1, size - (size_t)(nul - text) - 1 }, false);
	return 0;
}
