/*
 * trace.c - a plugin whose handler leaves a trace of each attempt.  For the crash tests; never installed.
 *
 * trace.step appends `S JOB ATTEMPT MARK` to a file when it begins and `E JOB ATTEMPT MARK` before it
 * ends, each in one write.  A job that is to be answered once can so be seen to run twice.
 * trace.parent tells the trace that its job belongs to.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/plugins/plugin.h"
#include "workers/handler.h"

static bool
trace(const struct jobd_attempt *at, char what)
{
	char	line[160];
	int	fd = open(jobd_arg_text(at, "file"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600), len;
	bool	written;

	if (fd < 0)
		return false;
	len = snprintf(line, sizeof(line), "%c %llu %u %.100s\n", what,
	    (unsigned long long)jobd_job_id(at), jobd_attempt_number(at), jobd_arg_text(at, "mark"));
	written = write(fd, line, (size_t)len) == len;
	close(fd);
	return written;
}

static void
step_run(struct jobd_attempt *at)
{
	char	result[160];
	int	len;

	if (!trace(at, 'S')) {
		jobd_fail(at, "the trace cannot be written", NULL);
		return;
	}
	for (int64_t ms = jobd_arg_int(at, "ms"); ms > 0 && !jobd_should_stop(at); ms--)
		nap(1);
	trace(at, 'E');
	if ((int64_t)jobd_attempt_number(at) <= jobd_arg_int(at, "fails")) {
		jobd_fail(at, "as it was told", NULL);
		return;
	}
	len = snprintf(result, sizeof(result), "{\"mark\":\"%.100s\"}", jobd_arg_text(at, "mark"));
	jobd_succeed(at, result, (size_t)len);
}

static const struct jobd_handler step = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "trace.step",
	.summary = "leaves a trace of each attempt",
	.args_schema = JOBD_JSON({"type": "object", "properties": {
	    "file": {"type": "string"},
	    "mark": {"type": "string", "maxLength": 100},
	    "ms": {"type": "integer", "minimum": 0, "default": 0},
	    "fails": {"type": "integer", "minimum": 0, "default": 0}},
	    "required": ["file", "mark"]}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = step_run,
};

static void
parent_run(struct jobd_attempt *at)
{
	const char	*trace = jobd_traceparent(at);
	char		 result[80];

	jobd_succeed(at, result, (size_t)(trace == NULL ? snprintf(result, sizeof(result), "null") :
	    snprintf(result, sizeof(result), "\"%s\"", trace)));
}

static const struct jobd_handler parent = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "trace.parent",
	.summary = "tells the trace that its job belongs to",
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = parent_run,
	.start = parent_run,
};

static const struct jobd_handler *const handlers[] = { &step, &parent, NULL };

const struct jobd_plugin jobd_plugin = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_plugin),
	.name = "trace", .version = "1.0", .handlers = handlers,
};
