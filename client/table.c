/* table.c - aligned columns for people.  Runs in: jobctl. */
#include "client/print.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "lib/alloc.h"
#include "lib/utf8.h"

#define GAP	2

struct colour {
	const char	*state, *code;
};

static const struct colour colours[] = {
	{ "running", "\033[36m" }, { "succeeded", "\033[32m" }, { "failed", "\033[31m" },
	{ "cancelled", "\033[33m" }, { "expired", "\033[33m" },
};

void
table_add(struct table *t, const char *title, bool right)
{
	if (t->columns == TABLE_COLUMNS)
		abort();	/* a table of ours with too many columns */
	t->titles[t->columns] = title;
	t->right[t->columns++] = right;
}

void
table_cell(struct table *t, const char *text, size_t len)
{
	struct buf	safe = { 0 };

	if (t->len == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = mem_resize(t->cells, t->cap, sizeof(*t->cells));
	}
	print_safe(&safe, text, len);
	t->cells[t->len++] = buf_take_string(&safe);
}

void
table_puts(struct table *t, const char *text)
{
	if (text == NULL)
		text = "-";
	table_cell(t, text, strlen(text));
}

void
table_take(struct table *t, struct buf *b)
{
	char	*text = buf_take_string(b);

	table_puts(t, text[0] != '\0' ? text : NULL);
	free(text);
}

static int
compare_rows(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
table_sort(struct table *t)
{
	qsort(t->cells, t->len / t->columns, t->columns * sizeof(*t->cells), compare_rows);
}

/* ---- widths ---- */

/* Columns on a terminal of the character at p, and its bytes. */
static size_t
glyph(const char *p, size_t left, size_t *bytes)
{
	mbstate_t	st = { 0 };
	wchar_t		wc;
	size_t		n = mbrtowc(&wc, p, left, &st);
	int		w;

	if (n == 0 || n > left) {	/* the locale cannot tell: one column a character */
		*bytes = utf8_sequence(p, left);
		if (*bytes == 0)
			*bytes = 1;
		return 1;
	}
	*bytes = n;
	return (w = wcwidth(wc)) < 0 ? 1 : (size_t)w;
}

static size_t
text_width(const char *text)
{
	size_t	len = strlen(text), width = 0, bytes;

	for (size_t i = 0; i < len; i += bytes)
		width += glyph(text + i, len - i, &bytes);
	return width;
}

/* Bytes of text that fit into width columns, one of them left for the sign that there is more. */
static size_t
fitting(const char *text, size_t width)
{
	size_t	len = strlen(text), used = 0, bytes, i;

	for (i = 0; i < len; i += bytes) {
		used += glyph(text + i, len - i, &bytes);
		if (used > width - 1)
			break;
	}
	return i;
}

static void
measure(const struct table *t, size_t *widths)
{
	for (size_t c = 0; c < t->columns; c++)
		widths[c] = t->titles[0] != NULL ? text_width(t->titles[c]) : 0;
	for (size_t i = 0; i < t->len; i++) {
		size_t	w = text_width(t->cells[i]), c = i % t->columns;

		if (w > widths[c])
			widths[c] = w;
	}
}

/* ---- printing ---- */

static void
blanks(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_putc(out, ' ');
}

static void
put_text(struct buf *out, const char *text, size_t room, bool colour)
{
	const char	*code = NULL;

	for (size_t i = 0; colour && i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(text, colours[i].state) == 0)
			code = colours[i].code;
	if (code != NULL)
		buf_printf(out, "%s%s\033[0m", code, text);
	else if (room > 1 && text_width(text) > room)
		buf_printf(out, "%.*s…", (int)fitting(text, room), text);
	else
		buf_puts(out, text);
}

static void
put_row(const struct table *t, struct buf *out, const char *const *cells, const size_t *widths,
    unsigned indent, size_t width, bool colour)
{
	size_t	used = indent;

	blanks(out, indent);
	for (size_t c = 0; c < t->columns; c++) {
		bool	last = c + 1 == t->columns;
		size_t	pad = widths[c] - text_width(cells[c]);

		if (t->right[c])
			blanks(out, pad);
		put_text(out, cells[c], last && width > used ? width - used : 0, colour);
		if (last)
			break;
		blanks(out, GAP + (t->right[c] ? 0 : pad));
		used += widths[c] + GAP;
	}
	buf_putc(out, '\n');
}

void
table_print(struct table *t, struct buf *out, unsigned indent, size_t width, bool colour)
{
	size_t	widths[TABLE_COLUMNS];

	measure(t, widths);
	if (t->titles[0] != NULL)
		put_row(t, out, t->titles, widths, indent, width, false);
	for (size_t i = 0; i + t->columns <= t->len; i += t->columns)
		put_row(t, out, (const char *const *)&t->cells[i], widths, indent, width, colour);
	for (size_t i = 0; i < t->len; i++)
		free(t->cells[i]);
	t->len = 0;
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->len; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof(*t));
}
