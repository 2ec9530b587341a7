/* hello.c - what types this worker has, for the broker's tables.  Runs in: workers, loop thread. */
#include "workers/worker.h"

#include <string.h>

#include "workers/handlers/handlers.h"

static void
print_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "\"%s\":", name);
	buf_put_json(out, text, strlen(text));
	buf_putc(out, ',');
}

static const char *
truth(bool yes)
{
	return yes ? "true" : "false";
}

static void
print_lanes(struct buf *out, uint32_t lanes)
{
	const char	*comma = "";

	buf_puts(out, "\"lanes\":[");
	for (int i = 0; i < LANES; i++) {
		if ((lanes & 1u << i) == 0)
			continue;
		buf_printf(out, "%s\"%s\"", comma, lane_names[i]);
		comma = ",";
	}
	buf_puts(out, "],");
}

static void
print_type(struct buf *out, const struct jobd_handler *h)
{
	buf_putc(out, '{');
	print_text(out, "name", h->name);
	print_text(out, "summary", h->summary);
	buf_printf(out, "\"args_schema\":%s,", h->args_schema == NULL ? "true" : h->args_schema);
	buf_printf(out, "\"traits\":{\"cpu_bound\":%s,\"waits\":%s,\"thread_safe\":%s},",
	    truth(h->traits & JOBD_CPU_BOUND), truth(h->traits & JOBD_WAITS),
	    truth(h->traits & JOBD_THREAD_SAFE));
	print_lanes(out, h->lanes);
	buf_printf(out, "\"run\":%s,\"start\":%s}", truth(h->run != NULL), truth(h->start != NULL));
}

_Static_assert(JOBD_LANE_INLINE == 1u << LANE_INLINE && JOBD_LANE_ASYNC == 1u << LANE_ASYNC &&
    JOBD_LANE_THREAD == 1u << LANE_THREAD && JOBD_LANE_PROCESS == 1u << LANE_PROCESS,
    "a lane's bit is its number");

void
hello_print(struct buf *out)
{
	const struct handler_entry	*h;
	size_t				 at = 0;
	const char			*comma = "";

	buf_puts(out, "{\"types\":[");
	while ((h = handler_next(&at)) != NULL) {
		buf_puts(out, comma);
		print_type(out, h->handler);
		comma = ",";
	}
	buf_puts(out, "]}");
}
