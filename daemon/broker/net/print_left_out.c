/* print_left_out.c - files of types that are wrong, as JSON.  Runs in: broker, loop thread. */
#include "daemon/broker/net/print_left_out.h"

#include "daemon/broker/net/print_job.h"

static void
print_text(struct buf *out, const char *text)
{
	print_string(out, text == NULL ? "" : text);
}

void
print_left_out(struct buf *out, const struct left_out *row)
{
	print_literal(out, "{\"file\":");
	print_text(out, row->file);
	print_next(out, "line");
	buf_put_i64(out, row->line);
	print_next(out, "key");
	print_text(out, row->key);
	print_next(out, "message");
	print_text(out, row->message);
	buf_putc(out, '}');
}
