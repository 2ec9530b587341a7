/*
 * misbehave.c - a plugin whose handlers do what handlers must not do.  For tests; never installed.
 *
 * Most take {"file": path}: they go on until that file exists, whatever anybody tells them.  With
 * "later" they misbehave in a callback, with "silent" without saying whose callback it is.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "tests/plugins/plugin.h"
#include "workers/handler.h"

static void
say_pid(struct jobd_attempt *at)
{
	char	text[32];

	jobd_succeed(at, text, (size_t)snprintf(text, sizeof(text), "%d", (int)getpid()));
}

/* ---- deaf: neither the cancel nor a signal ends it ---- */

static void
block_until_file(struct jobd_attempt *at)
{
	const char	*file = jobd_arg_text(at, "file");

	jobd_progress(at, 1, 2, "deaf");
	while (access(file, F_OK) != 0)
		nap(1);
}

static void
deaf_run(struct jobd_attempt *at)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	block_until_file(at);
	say_pid(at);
}

static const struct jobd_handler deaf = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "test.deaf",
	.summary = "goes on until a file exists",
	.args_schema = JOBD_JSON({"type": "object", "properties": {"file": {"type": "string"}},
	    "required": ["file"]}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = deaf_run,
};

/* ---- stubborn: an asynchronous one that does not end when it is told to ---- */

struct wait {
	uv_timer_t		 timer;
	struct jobd_attempt	*at;
};

static void
wait_freed(uv_handle_t *timer)
{
	free(timer->data);
}

static void
wait_look(uv_timer_t *timer)
{
	struct wait	*w = timer->data;

	jobd_enter(w->at);
	if (access(jobd_arg_text(w->at, "file"), F_OK) != 0)
		return;
	say_pid(w->at);
	uv_close((uv_handle_t *)timer, wait_freed);
}

static struct wait *
wait_start(struct jobd_attempt *at, uv_timer_cb look)
{
	struct wait	*w = calloc(1, sizeof(*w));

	if (w == NULL)
		abort();
	w->at = at;
	uv_timer_init(jobd_loop(at), &w->timer);
	w->timer.data = w;
	uv_timer_start(&w->timer, look, 1, 5);
	return w;
}

static void
stubborn_start(struct jobd_attempt *at)
{
	wait_start(at, wait_look);
	jobd_progress(at, 1, 2, "stubborn");
}

static const struct jobd_handler stubborn = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "test.stubborn",
	.summary = "waits until a file exists",
	.args_schema = JOBD_JSON({"type": "object", "properties": {"file": {"type": "string"}},
	    "required": ["file"]}),
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = stubborn_start,
};

/* ---- blocker: blocks the loop, at once or in a callback ---- */

static void
blocker_look(uv_timer_t *timer)
{
	struct wait	*w = timer->data;

	if (!jobd_arg_true(w->at, "silent"))
		jobd_enter(w->at);
	block_until_file(w->at);
	say_pid(w->at);
	uv_close((uv_handle_t *)timer, wait_freed);
}

static void
blocker_start(struct jobd_attempt *at)
{
	if (jobd_arg_true(at, "later")) {
		wait_start(at, blocker_look);
		return;
	}
	block_until_file(at);
	say_pid(at);
}

static const struct jobd_handler blocker = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "test.blocker",
	.summary = "blocks the event loop until a file exists",
	.args_schema = JOBD_JSON({"type": "object", "properties": {"file": {"type": "string"},
	    "later": {"type": "boolean"}, "silent": {"type": "boolean"}}, "required": ["file"]}),
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = blocker_start,
};

/* ---- crash ---- */

static void
crash_look(uv_timer_t *timer)
{
	struct wait	*w = timer->data;

	if (!jobd_arg_true(w->at, "silent"))
		jobd_enter(w->at);
	crash();
}

static void
crash_start(struct jobd_attempt *at)
{
	if (!jobd_arg_true(at, "later"))
		crash();
	wait_start(at, crash_look);
}

static void
crash_run(struct jobd_attempt *at)
{
	(void)at;
	crash();
}

static const struct jobd_handler crasher = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "test.crash",
	.summary = "takes its worker with it",
	.args_schema = JOBD_JSON({"type": "object", "properties": {"later": {"type": "boolean"},
	    "silent": {"type": "boolean"}}}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = crash_run,
	.start = crash_start,
};

/* ---- names: looks one up on the pool's threads ---- */

struct lookup {
	uv_getaddrinfo_t	 request;
	struct jobd_attempt	*at;
};

static void
looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct lookup	*l = request->data;

	if (status == 0)
		say_pid(l->at);
	else
		jobd_failf(l->at, "not found: %s", uv_strerror(status));
	uv_freeaddrinfo(found);
	free(l);
}

static void
names_start(struct jobd_attempt *at)
{
	struct lookup	*l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	l->at = at;
	l->request.data = l;
	uv_getaddrinfo(jobd_loop(at), &l->request, looked_up, "127.0.0.1", NULL, NULL);
}

static const struct jobd_handler names = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "test.names",
	.summary = "looks a name up",
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = names_start,
};

/* ---- sloppy: ends twice, or not at all ---- */

static void
sloppy_run(struct jobd_attempt *at)
{
	for (int64_t i = 0; i < jobd_arg_int(at, "ends"); i++)
		say_pid(at);
}

static const struct jobd_handler sloppy = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "test.sloppy",
	.summary = "ends its attempt so many times",
	.args_schema = JOBD_JSON({"type": "object", "properties": {"ends": {"type": "integer",
	    "default": 1}}}),
	.traits = JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = sloppy_run,
	.start = sloppy_run,
};

static const struct jobd_handler *const handlers[] = {
	&deaf, &stubborn, &blocker, &crasher, &names, &sloppy, NULL
};

const struct jobd_plugin jobd_plugin = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_plugin),
	.name = "misbehave", .version = "1.0", .handlers = handlers,
};
