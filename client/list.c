/* list.c - the daemon's lists, page by page, and their tables.  Runs in: jobctl. */
#include "client/list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"

#define PAGE	BOUND_LIST_LIMIT

/* ---- pages ---- */

static void
print_page(struct buf *out, const char *params, const struct buf *filter, uint64_t limit,
    const char *cursor)
{
	buf_puts(out, "{\"limit\":");
	buf_put_u64(out, limit);
	if (params != NULL)
		buf_printf(out, ",%s", params);
	if (filter != NULL && buf_len(filter) > 2) {
		buf_puts(out, ",\"filter\":");
		buf_append(out, buf_data(filter), buf_len(filter));
	}
	if (cursor != NULL) {
		buf_puts(out, ",\"cursor\":");
		json_put_text(out, cursor);
	}
	buf_putc(out, '}');
}

/* The items live in the connection's buffer, and each may ask nothing meanwhile. */
static int
each_of_page(struct ctl *ctl, struct span items, uint64_t *left,
    int (*each)(struct ctl *, struct span, void *), void *ctx)
{
	struct json_walk	w;
	int			rc = 0;

	json_array(&w, items);
	while (rc == 0 && *left > 0 && json_element(&w)) {
		rc = each(ctl, w.value, ctx);
		--*left;
	}
	return rc;
}

int
list_each_with(struct ctl *ctl, const char *method, const char *more_params, const struct buf *filter,
    uint64_t most, bool *more, int (*each)(struct ctl *ctl, struct span item, void *ctx), void *ctx)
{
	struct span	 page, items;
	char		*cursor = NULL;
	int		 rc;

	do {
		struct buf	params = { 0 };

		print_page(&params, more_params, filter, most < PAGE ? most : PAGE, cursor);
		rc = ctl_ask(ctl, method, &params, CTL_ANSWER_MS, &page);
		buf_free(&params);
		free(cursor);
		cursor = NULL;
		if (rc != 0)
			return rc;
		if (!json_member(page, "items", &items))
			return ctl_odd(ctl, method);
		cursor = json_text(page, "next");
		rc = each_of_page(ctl, items, &most, each, ctx);
	} while (rc == 0 && cursor != NULL && most > 0);
	if (more != NULL)
		*more = cursor != NULL;
	free(cursor);
	return rc;
}

int
list_each(struct ctl *ctl, const char *method, const struct buf *filter, uint64_t most, bool *more,
    int (*each)(struct ctl *ctl, struct span item, void *ctx), void *ctx)
{
	return list_each_with(ctl, method, NULL, filter, most, more, each, ctx);
}

/* ---- cells ---- */

static void
put_words(struct buf *out, struct span value)
{
	struct json_walk	 w;
	char			*text;

	if (json_type(value) != SCAN_ARRAY) {
		text = json_plain(value);
		buf_puts(out, text);
		free(text);
		return;
	}
	json_array(&w, value);
	for (bool first = true; json_element(&w); first = false) {
		text = json_plain(w.value);
		buf_printf(out, "%s%s", first ? "" : ",", text);
		free(text);
	}
}

static void
put_number(struct buf *out, enum cell_kind kind, int64_t v, int64_t now_ms)
{
	switch (kind) {
	case CELL_AGE:
		if (v > 0)
			print_age(out, now_ms - v);
		break;
	case CELL_BYTES:
		if (v > 0)
			print_bytes(out, v);
		break;
	case CELL_DURATION:
		print_duration(out, v);
		break;
	case CELL_LIMIT:
		if (v != 0)
			buf_put_i64(out, v);
		break;
	default:
		buf_put_i64(out, v);
		break;
	}
}

static void
put_cell(const struct column *col, struct span item, int64_t now_ms, struct buf *out)
{
	struct span	value;
	int64_t		number;

	if (col->print != NULL)
		col->print(item, now_ms, out);
	else if (col->kind == CELL_TEXT && json_member(item, col->member, &value))
		put_words(out, value);
	else if (col->kind != CELL_TEXT && json_int(item, col->member, &number))
		put_number(out, col->kind, number, now_ms);
}

void
list_put_until(struct span item, const char *member, int64_t now_ms, const char *come,
    struct buf *out)
{
	int64_t	at_ms;

	if (!json_int(item, member, &at_ms)) {
		buf_puts(out, "never");
	} else if (at_ms <= now_ms) {
		buf_puts(out, come);
	} else {
		buf_puts(out, "in ");
		print_age(out, at_ms - now_ms);
	}
}

static bool
shown(const struct list_printer *p, const struct column *col)
{
	return !col->wide || p->ctl->opt.format == FORMAT_WIDE;
}

/* ---- printing ---- */

void
list_begin(struct list_printer *p, struct ctl *ctl, const struct list_view *view)
{
	memset(p, 0, sizeof(*p));
	p->ctl = ctl;
	p->view = view;
	p->now_ms = clock_real_ms();
	for (const struct column *col = view->columns; col->title != NULL; col++)
		if (shown(p, col))
			table_add(&p->table, col->title, col->kind != CELL_TEXT);
	if (ctl->opt.format == FORMAT_JSON)
		buf_putc(&ctl->out, '[');
}

static void
add_row(struct list_printer *p, struct span item)
{
	for (const struct column *col = p->view->columns; col->title != NULL; col++) {
		struct buf	cell = { 0 };

		if (!shown(p, col))
			continue;
		put_cell(col, item, p->now_ms, &cell);
		table_take(&p->table, &cell);
	}
}

/* Rows are aligned a page at a time: a list of any length needs the memory of one. */
static int
flush_rows(struct list_printer *p)
{
	size_t	width = p->ctl->opt.format == FORMAT_WIDE ? 0 : print_terminal_width();

	if (p->view->sorted)
		table_sort(&p->table);
	table_print(&p->table, &p->ctl->out, 0, width, ctl_colour(STDOUT_FILENO));
	return ctl_flush(p->ctl);
}

int
list_item(struct list_printer *p, struct span item)
{
	struct buf	*out = &p->ctl->out;
	struct span	 id;
	char		*text;

	p->printed++;
	switch (p->ctl->opt.format) {
	case FORMAT_JSON:
		buf_puts(out, p->printed > 1 ? ",\n " : "");
		buf_append(out, item.p, item.len);
		break;
	case FORMAT_NDJSON:
		ctl_line(p->ctl, item);
		break;
	case FORMAT_ID:
		if (json_member(item, p->view->id, &id)) {
			text = json_plain(id);
			buf_printf(out, "%s\n", text);
			free(text);
		}
		break;
	default:
		add_row(p, item);
		return p->table.len / p->table.columns >= PAGE ? flush_rows(p) : 0;
	}
	return buf_len(out) >= BOUND_LINE_BYTES ? ctl_flush(p->ctl) : 0;
}

int
list_end(struct list_printer *p)
{
	enum format	format = p->ctl->opt.format;
	int		rc = 0;

	if (format == FORMAT_JSON)
		buf_puts(&p->ctl->out, "]\n");
	if (format != FORMAT_TEXT && format != FORMAT_WIDE)
		rc = ctl_flush(p->ctl);
	else if (p->printed == 0 && !p->broken)
		ctl_say(p->ctl, "%s", p->view->empty);
	else if (p->printed > 0)
		rc = flush_rows(p);
	table_free(&p->table);
	return rc;
}

static int
each_item(struct ctl *ctl, struct span item, void *ctx)
{
	(void)ctl;
	return list_item(ctx, item);
}

int
list_print(struct ctl *ctl, const struct list_view *view, const struct buf *filter, uint64_t most,
    bool *more)
{
	struct list_printer	p;
	int			rc, ended;

	list_begin(&p, ctl, view);
	rc = list_each(ctl, view->method, filter, most, more, each_item, &p);
	p.broken = rc != 0;
	ended = list_end(&p);
	return rc != 0 ? rc : ended;
}

int
list_all(struct ctl *ctl, const struct list_view *view)
{
	int	rc = ctl_connect(ctl, CTL_LINE_BYTES);

	return rc != 0 ? rc : list_print(ctl, view, NULL, UINT64_MAX, NULL);
}
