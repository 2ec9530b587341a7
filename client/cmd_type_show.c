/* cmd_type_show.c - jobctl type show: all about a type, and its lane.  Runs in: jobctl. */
#include "client/ctl.h"

#include <stdlib.h>

#include "client/print.h"
#include "client/schema_page.h"
#include "client/tree.h"

static void
put_text(struct table *t, const char *title, char *text)
{
	if (text != NULL && text[0] != '\0') {
		table_puts(t, title);
		table_puts(t, text);
	}
	free(text);
}

static void
put_words(struct table *t, const char *title, struct span type, const char *member)
{
	struct json_walk w;
	struct span	 list;
	struct buf	 cell = { 0 };

	if (!json_member(type, member, &list))
		return;
	json_array(&w, list);
	while (json_element(&w)) {
		char	*word = json_plain(w.value);

		buf_printf(&cell, "%s%s", buf_len(&cell) > 0 ? ", " : "", word);
		free(word);
	}
	table_puts(t, title);
	table_take(t, &cell);
}

static void
put_running(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	int64_t		running = 0, most = 0;

	json_int(type, "running", &running);
	json_int(type, "max_running", &most);
	buf_printf(&cell, "%lld", (long long)running);
	if (most > 0)
		buf_printf(&cell, " of at most %lld", (long long)most);
	table_puts(t, "running");
	table_take(t, &cell);
}

static void
put_ended(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	int64_t		succeeded = 0, failed = 0, cancelled = 0;

	json_int(type, "succeeded", &succeeded);
	json_int(type, "failed", &failed);
	json_int(type, "cancelled", &cancelled);
	buf_printf(&cell, "%lld succeeded, %lld failed, %lld cancelled", (long long)succeeded,
	    (long long)failed, (long long)cancelled);
	table_puts(t, "ended");
	table_take(t, &cell);
}

static void
put_measured(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	struct span	measured;
	int64_t		samples, mean_us;

	if (!json_member(type, "measured", &measured) || !json_int(measured, "samples", &samples) ||
	    !json_int(measured, "mean_us", &mean_us))
		return;
	if (mean_us < 1000)
		buf_printf(&cell, "%lld us", (long long)mean_us);
	else
		print_duration(&cell, mean_us / 1000);
	buf_printf(&cell, " in the mean of %lld", (long long)samples);
	table_puts(t, "takes");
	table_take(t, &cell);
}

static void
print_type(struct ctl *ctl, struct span type)
{
	struct table	t = { 0 };
	struct span	route, schema;

	table_add(&t, NULL, false);
	table_add(&t, NULL, false);
	put_text(&t, "type", json_text(type, "name"));
	put_text(&t, "does", json_text(type, "summary"));
	put_words(&t, "lanes", type, "lanes");
	put_words(&t, "traits", type, "traits");
	put_running(&t, type);
	put_ended(&t, type);
	put_measured(&t, type);
	if (json_member(type, "args_schema", &schema))
		schema_page(&t, schema);
	table_print(&t, &ctl->out, 0, 0, false);
	table_free(&t);
	if (json_member(type, "route", &route))
		tree_print(route, &ctl->out);
}

static int
run(struct ctl *ctl)
{
	struct buf	params = { 0 };
	struct span	type;
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	buf_puts(&params, "{\"name\":");
	json_put_text(&params, ctl->opt.operands[0]);
	buf_putc(&params, '}');
	rc = ctl_ask(ctl, "type.show", &params, CTL_ANSWER_MS, &type);
	buf_free(&params);
	if (rc != 0)
		return rc;
	if (ctl_wants_json(ctl))
		ctl_line(ctl, type);
	else
		print_type(ctl, type);
	return ctl_flush(ctl);
}

const struct verb verb_type_show = {
	.name = "type show",
	.operands = "NAME",
	.summary = "all about a type, and where its jobs run",
	.about = "Prints what a type does and takes, what it declares, and every question that\n"
	    "the decision tree asks for a job of it.",
	.examples = "  jobctl type show file.digest\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run,
};
