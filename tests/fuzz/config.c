/*
 * config.c - libFuzzer target: any text as jobd.conf.  What is taken can be printed and taken again as
 * the same; what is not is said why, in a line that exists.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/alloc.h"
#include "proto/config_file.h"

static void
set_again(void *arg, const struct config_option *o)
{
	char	*setting = mem_printf("%s=%s", o->name, o->value), why[512];

	if (o->value[0] != '\0')
		require(config_set(arg, setting, why, sizeof(why)) == 0);
	free(setting);
}

static void
is_same(void *arg, const struct config_option *o)
{
	(void)arg;
	require(strcmp(o->value, o->other) == 0 || o->value[0] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config		c, again;
	struct settings		s;
	struct config_fault	f;
	char			line[1280];

	config_init(&c);
	config_init(&again);
	settings_init(&s);
	if (config_text_read("f", (const char *)data, size, &c, &s, &f) == 0) {
		config_walk(&c, &c, set_again, &again);
		config_walk(&c, &again, is_same, NULL);
	} else {
		config_fault_print(&f, line, sizeof(line));
		require(f.why[0] != '\0' && line[0] == 'f');
		require(f.line >= 0 && f.line <= last_line(data, size));
	}
	config_fini(&c);
	config_fini(&again);
	settings_fini(&s);
	return 0;
}
