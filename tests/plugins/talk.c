/*
 * talk.c - a plugin whose handler says lines with jobd_log.  For tests; never installed.
 *
 * {"lines": N, "bytes": B}: N lines, each with its number and so many bytes more.  With "file" it
 * goes on until that file exists; then it ends as "then" says: "succeed", "fail", "crash".
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/plugins/plugin.h"
#include "workers/handler.h"

#define BYTES_MAX	5000

static void
say_lines(struct jobd_attempt *at)
{
	int64_t	lines = jobd_arg_int(at, "lines"), bytes = jobd_arg_int(at, "bytes");
	char	more[BYTES_MAX + 1];

	memset(more, 'x', sizeof(more));
	for (int64_t i = 0; i < lines; i++)
		jobd_log(at, "line %lld %.*s", (long long)i, (int)bytes, more);
	if (jobd_arg_text(at, "text") != NULL)
		jobd_log(at, "%s\xff", jobd_arg_text(at, "text"));
}

static void
talk_run(struct jobd_attempt *at)
{
	const char	*file = jobd_arg_text(at, "file"), *then = jobd_arg_text(at, "then");

	say_lines(at);
	while (file != NULL && access(file, F_OK) != 0)
		nap(1);
	if (strcmp(then, "crash") == 0)
		crash();
	if (strcmp(then, "fail") == 0)
		jobd_fail(at, "as it was told", NULL);
	else
		jobd_succeed(at, "null", 4);
}

static const struct jobd_handler talk = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "test.talk",
	.summary = "says lines",
	.args_schema = JOBD_JSON({"type": "object", "properties": {
	    "lines": {"type": "integer", "minimum": 0, "default": 0},
	    "bytes": {"type": "integer", "minimum": 0, "maximum": 5000, "default": 0},
	    "text": {"type": "string"},
	    "file": {"type": "string"},
	    "then": {"type": "string", "enum": ["succeed", "fail", "crash"], "default": "succeed"}}}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = talk_run,
	.start = talk_run,
};

static const struct jobd_handler *const handlers[] = { &talk, NULL };

const struct jobd_plugin jobd_plugin = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_plugin),
	.name = "talk", .version = "1.0", .handlers = handlers,
};
