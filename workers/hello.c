/* hello.c - what types this worker has, for the broker's tables.  Runs in: workers, loop thread. */
#include "workers/worker.h"

#include <string.h>

#include "workers/handlers/handlers.h"
#include "workers/plugins.h"

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
print_type(struct buf *out, const struct jobd_handler *h, const char *plugin)
{
	buf_putc(out, '{');
	if (plugin != NULL)
		print_text(out, "plugin", plugin);
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

static void
print_types(struct buf *out)
{
	const struct handler_entry	*h;
	size_t				 at = 0;
	const char			*comma = "";

	while ((h = handler_next(&at)) != NULL) {
		buf_puts(out, comma);
		print_type(out, h->handler, h->plugin);
		comma = ",";
	}
}

/* Loaded or refused: who looks for a type that is missing must find out why. */
static void
print_plugins(struct buf *out)
{
	const struct plugin	*p;
	size_t			 at = 0;
	const char		*comma = "";

	while ((p = plugins_next(&at)) != NULL) {
		buf_printf(out, "%s{", comma);
		if (p->why != NULL)
			print_text(out, "error", p->why);
		if (p->name != NULL)
			print_text(out, "name", p->name);
		if (p->version != NULL)
			print_text(out, "version", p->version);
		buf_puts(out, "\"file\":");
		buf_put_json(out, p->file, strlen(p->file));
		buf_putc(out, '}');
		comma = ",";
	}
}

void
hello_print(struct buf *out)
{
	buf_puts(out, "{\"types\":[");
	print_types(out);
	buf_puts(out, "],\"plugins\":[");
	print_plugins(out);
	buf_puts(out, "]}");
}
