/* reduce_args.c - what a reduce job gets, by rows. */
#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/broker/reduce_args.h"

static void
test_placeholders_are_whole_string_values(void **state)
{
	static const struct {
		const char	*args, *becomes;
	} rows[] = {
		{ "", "{\"group\":\"g\",\"count\":7,\"path\":\"/a \\\"b\\\"\"}" },
		{ "\"{path}\"", "\"/a \\\"b\\\"\"" },
		{ "[\"{count}\", \"{group}\"]", "[7, \"g\"]" },
		{ "{\"{path}\":\"{group}\"}", "{\"{path}\":\"g\"}" },
		{ "{\"{path}\" :1}", "{\"{path}\" :1}" },
		{ "[\"x{path}\",\"{path}x\",\"{paths}\",\"{}\",\"\"]",
		    "[\"x{path}\",\"{path}x\",\"{paths}\",\"{}\",\"\"]" },
		{ "[\"\\\"{path}\",\"\\\\\",\"{count}\"]", "[\"\\\"{path}\",\"\\\\\",7]" },
		{ "null", "null" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf	out = { 0 };
		struct span	args = { rows[i].args, strlen(rows[i].args) };

		reduce_args_print(&out, args, "g", 7, "/a \"b\"");
		buf_putc(&out, '\0');
		assert_string_equal(buf_data(&out), rows[i].becomes);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_placeholders_are_whole_string_values),
	};

	return cmocka_run_group_tests_name("reduce_args", tests, NULL, NULL);
}
