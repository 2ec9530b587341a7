/* attempts.c - a host of attempts for tests. */
#include "tests/unit/attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "workers/handlers/handlers.h"

char			*try_text;
unsigned		 try_progress_count, try_stop_after;
struct channel_progress	 try_progress;
char			 try_line[CHANNEL_LINE_BYTES + 1];
uint32_t		 try_out_cap = TRY_OUT_BYTES;

static unsigned		 asked;
static uv_loop_t	 loop;

static bool
should_stop(const struct jobd_attempt *at)
{
	(void)at;
	return try_stop_after > 0 && ++asked >= try_stop_after;
}

static void
progress(struct jobd_attempt *at, const struct channel_progress *p)
{
	(void)at;
	try_progress = *p;
	try_progress_count++;
}

static void
say(struct jobd_attempt *at, const char *text, size_t len)
{
	(void)at;
	snprintf(try_line, sizeof(try_line), "%.*s", (int)len, text);
}

static struct uv_loop_s *
get_loop(void)
{
	return &loop;
}

static const struct attempt_host host =
    { should_stop, progress, NULL, get_loop, NULL, say };

/* As the worker has it; a handler of a test has its own, compiled for each attempt. */
static struct schema *
schema_of(const struct jobd_handler *h)
{
	static struct schema	*own;
	char			 why[256];

	schema_free(own);
	own = NULL;
	if (h->args_schema == NULL)
		return NULL;
	if ((own = schema_compile(h->args_schema, why, sizeof(why))) == NULL)
		log_fatal("%s: %s", h->name, why);
	return own;
}

static void
begin(struct jobd_attempt *at, const struct jobd_handler *h, const char *args)
{
	static char	out[TRY_OUT_BYTES];

	try_fini();
	asked = try_progress_count = 0;
	*at = (struct jobd_attempt){ .host = &host, .handler = h, .schema = schema_of(h),
	    .job = 7, .number = 1,
	    .args = args, .args_len = strlen(args), .out = out, .out_cap = try_out_cap,
	    .max_result = 1 << 20 };
}

static enum channel_status
end(struct jobd_attempt *at)
{
	try_text = mem_strndup(at->large != NULL ? at->large : at->out, at->out_len);
	attempt_fini(at);
	return at->status;
}

enum channel_status
try_run(const struct jobd_handler *h, const char *args)
{
	struct jobd_attempt	at;

	begin(&at, h, args);
	attempt_run(&at);
	return end(&at);
}

static void
cancel(uv_timer_t *timer)
{
	struct jobd_attempt	*at = timer->data;

	if (at->status == 0)
		at->handler->cancel(at);
}

enum channel_status
try_start(const struct jobd_handler *h, const char *args, int cancel_ms)
{
	struct jobd_attempt	at;
	uv_timer_t		timer;

	begin(&at, h, args);
	uv_loop_init(&loop);
	uv_timer_init(&loop, &timer);
	timer.data = &at;
	if (cancel_ms >= 0)
		uv_timer_start(&timer, cancel, (uint64_t)cancel_ms, 0);
	attempt_start(&at);
	uv_run(&loop, UV_RUN_DEFAULT);
	handlers_loop_ends();
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	attempt_settle(&at);
	return end(&at);
}

void
try_fini(void)
{
	free(try_text);
	try_text = NULL;
}
