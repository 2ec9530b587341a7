/* outcome_print.c - the outcome of a job of history.  Runs in: broker; loop thread, reader. */
#include "daemon/broker/store/outcome_print.h"

#include <string.h>

#include "daemon/broker/core/job.h"
#include "proto/json_find.h"

static void
put_name(struct buf *out, const char *name)
{
	buf_puts(out, ",\"");
	buf_puts(out, name);
	buf_append(out, "\":", 2);
}

/* JSON of a handler's: a line feed between its values would end the line. */
static void
put_json(struct buf *out, struct span json)
{
	char	*at = buf_room(out, json.len);

	for (size_t i = 0; i < json.len; i++)
		at[i] = json.p[i] == '\n' ? ' ' : json.p[i];
	buf_added(out, json.len);
}

/* The value, or how long it is. */
static void
put_fitting(struct buf *out, const char *name, const char *bytes_name, struct span json, size_t room)
{
	if (json.len <= room) {
		put_name(out, name);
		put_json(out, json);
	} else {
		put_name(out, bytes_name);
		buf_put_u64(out, json.len);
	}
}

static bool
find(const struct store_end *end, const char *name, struct buf *scratch, struct span *out)
{
	enum scan_type	type;

	return json_find(end->failure, (struct span){ name, strlen(name) }, scratch, &type, out);
}

static void
print_failure(struct buf *out, const struct store_end *end, size_t room)
{
	static const char *const	small[] = { "attempt", "retryable" };
	struct buf			scratch = { 0 };
	struct span			value;

	put_name(out, "failure");
	buf_puts(out, "{\"kind\":");
	if (find(end, "kind", &scratch, &value))
		put_json(out, value);
	else
		buf_puts(out, "\"error\"");
	put_name(out, "message");
	buf_put_json(out, end->text.p, end->text.len);
	for (size_t i = 0; i < 2; i++) {
		if (!find(end, small[i], &scratch, &value))
			continue;
		put_name(out, small[i]);
		put_json(out, value);
	}
	if (find(end, "data", &scratch, &value))
		put_fitting(out, "data", "data_bytes", value, room);
	buf_putc(out, '}');
	buf_free(&scratch);
}

void
outcome_print(struct buf *out, const struct store_row *row, bool member, size_t room)
{
	const struct store_end	*end = &row->end;

	buf_putc(out, '{');
	if (member) {
		buf_puts(out, "\"index\":");
		buf_put_u64(out, end->index);
		buf_putc(out, ',');
	}
	buf_puts(out, "\"id\":");
	buf_put_u64(out, row->id);
	put_name(out, "state");
	buf_putc(out, '"');
	buf_puts(out, job_state_names[end->state]);
	buf_putc(out, '"');
	if (end->state == JOB_succeeded) {
		put_fitting(out, "result", "result_bytes", end->text, room);
	} else if (end->state == JOB_failed) {
		print_failure(out, end, room);
	} else {
		put_name(out, "reason");
		buf_put_json(out, end->text.p, end->text.len);
	}
	buf_putc(out, '}');
}
