/* catalog.c - the administrator's types, from the supervisor's text to core. */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/keep.h"
#include "daemon/broker/lanes/catalog.h"
#include "daemon/broker/lanes/exec.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/reload.h"
#include "proto/control.h"
#include "daemon/broker/route/programs.h"
#include "lib/map.h"
#include "tests/unit/around_lanes.h"
#include "workers/handler.h"

struct rig {
	struct broker	b;
	struct lanes	l;
};

static int
open_rig(void **state)
{
	struct core_config	cfg = { .keep_finished = 10, .max_waiting = 10, .max_waiting_bytes = 1 << 20 };
	struct rig		*r = calloc(1, sizeof(*r));

	config_init(&r->b.config);
	settings_init(&r->b.settings);
	r->b.core = core_new(&cfg);
	r->l.broker = &r->b;
	r->b.lanes = &r->l;
	list_init(&r->l.pools);
	catalog_builtin(&r->l);
	*state = r;
	return 0;
}

static int
close_rig(void **state)
{
	struct rig	*r = *state;

	json_decref(r->l.catalog);
	exec_fini(&r->l);
	core_free(r->b.core);
	config_fini(&r->b.config);
	free(r);
	return 0;
}

static int
apply(struct rig *r, const char *text)
{
	return catalog_apply(&r->l, text, strlen(text));
}

static const struct type *
type(struct rig *r, const char *name)
{
	return core_type_find(r->b.core, name, strlen(name));
}

/* How many files were left out; *last: the last of them. */
static unsigned
left_out(struct rig *r, struct left_out *last)
{
	unsigned	n = 0;

	for (size_t at = 0; lanes_left_out_next(&r->l, &at, last); )
		n++;
	return n;
}

#define SPEC(argv)	"\"spec\":{\"argv\":[" argv "]}"
#define THUMB		"{\"name\":\"thumb\",\"file\":\"/j/thumb.job\"," SPEC("\"convert\"")
#define PACK		"{\"name\":\"pack\",\"file\":\"/j/pack.job\"," SPEC("\"tar\"")

static void
test_the_type_command_is_there_without_a_file(void **state)
{
	const struct type	*t = type(*state, "command");

	assert_non_null(t);
	assert_string_equal(t->spec, "{\"free\":true,\"grace_ms\":10000}");
	assert_int_equal(t->role, ROLE_operator);
	assert_int_equal(t->defaults.timeout_ms, 3600000);
	assert_null(t->file);
	json_decref(json_loads(t->args_schema, 0, NULL));
	assert_int_equal(t->args_schema[0], '{');
}

static void
test_a_command_becomes_a_type_with_its_defaults(void **state)
{
	struct rig		*r = *state;
	const struct type	*t;

	assert_int_equal(apply(r, "{\"commands\":[{\"name\":\"thumb\",\"file\":\"/j/thumb.job\","
	    "\"summary\":\"small pictures\",\"user\":\"bob\",\"args_schema\":{\"type\":\"object\"},"
	    "\"cpu_bound\":true,\"max_running\":3,\"grace_ms\":500,"
	    "\"defaults\":{\"queue\":\"pictures\",\"priority\":-7,\"timeout_ms\":0,\"ttl_ms\":9,"
	    "\"retry\":{\"max_attempts\":4},\"on_lost\":\"fail\"},"
	    SPEC("\"convert\"") "},"
	    PACK "}]}"), 0);
	t = type(r, "thumb");
	assert_non_null(t);
	assert_string_equal(t->summary, "small pictures");
	assert_string_equal(t->args_schema, "{\"type\":\"object\"}");
	assert_string_equal(t->file, "/j/thumb.job");
	assert_string_equal(t->spec, "{\"argv\":[\"convert\"],\"grace_ms\":10000}");
	assert_string_equal(core_pool_name(r->b.core, t->pool).p, "exec:bob");
	assert_string_equal(exec_user(&r->l, t->pool), "bob");
	assert_int_equal(t->traits, JOBD_CPU_BOUND);
	assert_int_equal(t->lanes, JOBD_LANE_PROCESS | JOBD_LANE_ASYNC);
	assert_int_equal(t->gate.max_running, 3);
	assert_int_equal(t->grace_ms, 500);
	assert_string_equal(t->defaults.queue, "pictures");
	assert_true(t->defaults.priority_said);
	assert_int_equal(t->defaults.priority, -7);
	assert_int_equal(t->defaults.timeout_ms, 0);	/* said: none */
	assert_int_equal(t->defaults.ttl_ms, 9);
	assert_int_equal(t->defaults.on_lost, ON_LOST_FAIL);
	assert_int_equal(t->defaults.retry.max_attempts, 4);
	t = type(r, "pack");
	assert_string_equal(core_pool_name(r->b.core, t->pool).p, "exec");
	assert_null(t->defaults.queue);
	assert_false(t->defaults.priority_said);
	assert_int_equal(t->defaults.timeout_ms, 3600000);	/* an hour when nothing is said */
	assert_int_equal(t->traits, 0);
}

static void
test_a_type_whose_file_is_gone_is_unserved_until_it_is_back(void **state)
{
	struct rig	*r = *state;

	assert_int_equal(apply(r, "{\"commands\":[" THUMB "}," PACK "}]}"), 0);
	assert_int_equal(apply(r, "{\"commands\":[" PACK "}]}"), 0);
	assert_true(type(r, "thumb")->unserved);
	assert_false(type(r, "pack")->unserved);
	assert_false(type(r, "command")->unserved);
	assert_int_equal(apply(r, "{\"commands\":[" THUMB ",\"user\":\"eve\"}]}"), 0);
	assert_false(type(r, "thumb")->unserved);
	assert_string_equal(exec_user(&r->l, type(r, "thumb")->pool), "eve");
	assert_true(type(r, "pack")->unserved);
}

static void
test_no_file_takes_the_name_of_a_type_that_is_there(void **state)
{
	struct rig	*r = *state;
	struct type	 echo = { .name = (char[]){ "echo" }, .summary = (char[]){ "" },
	    .args_schema = (char[]){ "true" }, .lanes = JOBD_LANE_PROCESS, .has_run = true };
	struct left_out	 row;

	core_type_define(r->b.core, &echo);
	assert_int_equal(apply(r, "{\"commands\":["
	    "{\"name\":\"echo\",\"file\":\"/j/echo.job\"," SPEC("\"a\"") "},"
	    "{\"name\":\"command\",\"file\":\"/j/command.job\"," SPEC("\"a\"") "},"
	    "{\"name\":\"Big Name\",\"file\":\"/j/big.job\"," SPEC("\"a\"") "},"
	    THUMB "}]}"), 0);
	assert_null(type(r, "echo")->spec);
	assert_string_equal(type(r, "command")->spec, "{\"free\":true,\"grace_ms\":10000}");
	assert_non_null(type(r, "thumb"));
	assert_int_equal(left_out(r, &row), 3);
	assert_string_equal(row.file, "/j/big.job");
}

static void
test_what_the_supervisor_left_out_can_be_asked_for(void **state)
{
	struct rig	*r = *state;
	struct left_out	 row = { 0 };

	assert_int_equal(left_out(r, &row), 0);
	assert_int_equal(apply(r, "{\"commands\":[],\"errors\":[{\"file\":\"/j/x.job\",\"line\":3,"
	    "\"key\":\"argv\",\"message\":\"it is empty\"}]}"), 0);
	assert_int_equal(left_out(r, &row), 1);
	assert_string_equal(row.file, "/j/x.job");
	assert_int_equal(row.line, 3);
	assert_string_equal(row.key, "argv");
	assert_string_equal(row.message, "it is empty");
	assert_int_equal(apply(r, "{\"commands\":[]}"), 0);
	assert_int_equal(left_out(r, &row), 0);
}

static void
test_what_is_no_catalog_changes_nothing(void **state)
{
	static const char *const	texts[] = { "", "[", "[]", "7", "{\"commands\":1,\"commands\":2}" };
	struct rig			*r = *state;

	assert_int_equal(apply(r, "{\"commands\":[" THUMB "}]}"), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(apply(r, texts[i]), -1);
	assert_false(type(r, "thumb")->unserved);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#define RIG(test)	cmocka_unit_test_setup_teardown(test, open_rig, close_rig)
		RIG(test_the_type_command_is_there_without_a_file),
		RIG(test_a_command_becomes_a_type_with_its_defaults),
		RIG(test_a_type_whose_file_is_gone_is_unserved_until_it_is_back),
		RIG(test_no_file_takes_the_name_of_a_type_that_is_there),
		RIG(test_what_the_supervisor_left_out_can_be_asked_for),
		RIG(test_what_is_no_catalog_changes_nothing),
	};

	map_seed(1);
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
