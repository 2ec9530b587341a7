/*
 * top_screen.c - `jobctl top` on the terminal, by curses.  Runs in: jobctl.
 *
 * Drawn from the model as a whole each time: curses sends what is different.  What does not fit is cut,
 * columns first, then rows.
 */
#include "client/top_screen.h"

#include <curses.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "client/print.h"
#include "client/top_terminal.h"

#define HEAD_ROWS	3
#define FOOT_ROWS	1
#define LEAST_COLUMNS	20
#define LEAST_ROWS	6
#define GAP		2

enum paint { PLAIN, GOOD, BUSY, WARN, BAD, PAINTS };

static SCREEN	*terminal;
static bool	 unicode, colourful;

/* ---- text ---- */

static attr_t
attribute(enum paint p)
{
	if (colourful && p != PLAIN)
		return (attr_t)COLOR_PAIR(p);
	return p == BAD || p == WARN ? A_BOLD : A_NORMAL;
}

/* Bytes of the text that fit into so many columns, and the columns that they take. */
static int
fit(const char *text, int columns, int *used)
{
	mbstate_t	st = { 0 };
	int		at = 0, width;
	wchar_t		wc;
	size_t		n;

	for (*used = 0; text[at] != '\0'; at += (int)n) {
		n = mbrtowc(&wc, text + at, MB_CUR_MAX, &st);
		if (n == (size_t)-1 || n == (size_t)-2)
			break;
		width = wcwidth(wc) < 0 ? 1 : wcwidth(wc);
		if (*used + width > columns)
			break;
		*used += width;
	}
	return at;
}

/* At x; the column behind it. */
static int
put(int y, int x, int right, const char *text)
{
	int	used, bytes;

	if (x >= right)
		return x;
	bytes = fit(text, right - x, &used);
	mvaddnstr(y, x, text, bytes);
	return x + used;
}

static int __attribute__((format(printf, 4, 5)))
putf(int y, int x, int right, const char *fmt, ...)
{
	char	text[512];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return put(y, x, right, text);
}

/* Samples as a line of small bars, the newest at the right. */
static void
put_spark(int y, int x, int width, const struct top_series *s)
{
	static const char *const	bars[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const	marks[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
	unsigned			levels[TOP_SAMPLES];
	size_t				len;

	if (width <= 0)
		return;
	len = top_series_levels(s, (size_t)(width > TOP_SAMPLES ? TOP_SAMPLES : width), 8, levels);
	move(y, x + width - (int)len);
	for (size_t i = 0; i < len; i++)
		addstr(unicode ? bars[levels[i]] : marks[levels[i]]);
}

/* ---- cells ---- */

struct place {
	int	y, x, width;
};

static void
put_text(struct place c, bool right, enum paint p, const char *text)
{
	int	used;

	fit(text, c.width, &used);
	attron(attribute(p));
	put(c.y, right ? c.x + c.width - used : c.x, c.x + c.width, text);
	attroff(attribute(p));
}

static void
put_buf(struct place c, enum paint p, struct buf *b)
{
	char	*text = buf_take_string(b);

	put_text(c, true, p, text);
	free(text);
}

static void
put_number(struct place c, enum paint p, int64_t n)
{
	struct buf	b = { 0 };

	buf_put_i64(&b, n);
	put_buf(c, p, &b);
}

static void
put_rate(struct place c, double rate)
{
	struct buf	b = { 0 };

	if (rate == 0)
		buf_putc(&b, '-');
	else
		buf_printf(&b, rate < 100 ? "%.1f" : "%.0f", rate);
	put_buf(c, PLAIN, &b);
}

static void
put_age(struct place c, int64_t ms)
{
	struct buf	b = { 0 };

	print_age(&b, ms);
	put_buf(c, PLAIN, &b);
}

static void
put_size(struct place c, int64_t bytes)
{
	struct buf	b = { 0 };

	if (bytes > 0)
		print_bytes(&b, bytes);
	put_buf(c, PLAIN, &b);
}

static enum paint
paint_of(const char *state)
{
	static const struct {
		const char	*state;
		enum paint	 paint;
	} rows[] = {
		{ "running", BUSY }, { "succeeded", GOOD }, { "failed", BAD }, { "cancelled", WARN },
		{ "expired", WARN }, { "paused", WARN }, { "draining", WARN }, { "drains", WARN },
		{ "starting", WARN }, { "blocked", BAD }, { "gone", BAD }, { "away", BAD },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(state, rows[i].state) == 0)
			return rows[i].paint;
	return PLAIN;
}

static void
put_state(struct place c, const char *state)
{
	put_text(c, false, paint_of(state), state);
}

/* ---- columns ---- */

struct column {
	const char	*title;
	int		 width;
	bool		 right;
	int		 rank;		/* 0: always there; the greatest goes first when it is narrow */
	bool		 grows;		/* takes what is left */
};

#define COLUMNS		9

struct panel {
	const char		*title;
	const char		*empty;
	struct column		 columns[COLUMNS];
	void			(*draw)(const void *row, const struct place *cells, int64_t now_ms);
};

static void
draw_lane(const void *row, const struct place *cells, int64_t now_ms)
{
	const struct top_lane	*l = row;

	(void)now_ms;
	put_text(cells[0], false, PLAIN, l->row.name);
	put_number(cells[1], PLAIN, l->workers);
	put_number(cells[2], l->busy > 0 ? BUSY : PLAIN, l->busy);
	put_number(cells[3], PLAIN, l->starts.total);
	put_rate(cells[4], l->starts.rate);
	put_spark(cells[5].y, cells[5].x, cells[5].width, &l->starts.past);
}

static void
draw_queue(const void *row, const struct place *cells, int64_t now_ms)
{
	const struct top_queue	*q = row;

	(void)now_ms;
	put_text(cells[0], false, PLAIN, q->row.name);
	put_state(cells[1], q->paused ? "paused" : q->draining ? "drains" : "open");
	put_number(cells[2], q->running > 0 ? BUSY : PLAIN, q->running);
	put_number(cells[3], PLAIN, q->ready);
	put_number(cells[4], PLAIN, q->scheduled);
	if (q->max_running > 0)
		put_number(cells[5], PLAIN, q->max_running);
	put_spark(cells[6].y, cells[6].x, cells[6].width, &q->waiting);
}

static void
draw_worker(const void *row, const struct place *cells, int64_t now_ms)
{
	const struct top_worker	*w = row;

	put_text(cells[0], false, PLAIN, w->row.name);
	put_state(cells[1], w->state);
	put_age(cells[2], now_ms - w->since_ms);
	put_text(cells[3], false, PLAIN, w->lane);
	put_number(cells[4], w->inflight > 0 ? BUSY : PLAIN, w->inflight);
	put_rate(cells[5], w->done.rate);
	put_size(cells[6], w->rss_bytes);
	put_text(cells[7], false, PLAIN, w->type);
	put_spark(cells[8].y, cells[8].x, cells[8].width, &w->done.past);
}

static void
draw_job(const void *row, const struct place *cells, int64_t now_ms)
{
	const struct top_job	*j = row;

	put_text(cells[0], true, PLAIN, j->row.name);
	put_state(cells[1], j->state);
	put_age(cells[2], now_ms - j->since_ms);
	put_text(cells[3], false, PLAIN, j->type);
	put_text(cells[4], false, PLAIN, j->queue);
	put_text(cells[5], false, PLAIN, j->worker);
	put_number(cells[6], PLAIN, j->attempts);
}

static const struct panel	panels[TOP_PANELS] = {
	[TOP_LANES] = { "LANE", "no lanes", {
		{ "LANE", 14, false, 0, false }, { "WORKERS", 7, true, 2, false }, { "BUSY", 6, true, 1, false },
		{ "STARTED", 10, true, 3, false }, { "STARTS/S", 8, true, 0, false }, { "", 8, false, 4, true },
	}, draw_lane },
	[TOP_QUEUES] = { "QUEUE", "no queues", {
		{ "QUEUE", 14, false, 0, false }, { "STATE", 7, false, 0, false }, { "RUNNING", 7, true, 1, false },
		{ "READY", 8, true, 0, false }, { "LATER", 8, true, 3, false }, { "LIMIT", 6, true, 4, false },
		{ "WAITING", 8, false, 5, true },
	}, draw_queue },
	[TOP_WORKERS] = { "WORKER", "no workers", {
		{ "WORKER", 14, false, 0, false }, { "STATE", 8, false, 0, false }, { "FOR", 4, true, 3, false },
		{ "LANE", 13, false, 5, false }, { "RUNNING", 7, true, 1, false }, { "DONE/S", 7, true, 2, false },
		{ "MEMORY", 8, true, 4, false }, { "TYPE", 14, false, 6, false }, { "", 8, false, 7, true },
	}, draw_worker },
	[TOP_JOBS] = { "JOB", "no such jobs", {
		{ "JOB", 10, true, 0, false }, { "STATE", 10, false, 1, false }, { "FOR", 4, true, 2, false },
		{ "TYPE", 16, false, 0, true }, { "QUEUE", 14, false, 3, false }, { "WORKER", 14, false, 4, false },
		{ "TRIES", 5, true, 5, false },
	}, draw_job },
};

static int
width_of(const struct panel *p, int rank)
{
	int	width = 0;

	for (int i = 0; i < COLUMNS && p->columns[i].title != NULL; i++)
		if (p->columns[i].rank <= rank)
			width += p->columns[i].width + GAP;
	return width - GAP;
}

/* Columns leave, the least needed first, until the rest fits; one takes what is left. */
static void
place_columns(const struct panel *p, int columns, struct place *cells)
{
	int	rank = COLUMNS, x = 0, spare;

	while (rank > 0 && width_of(p, rank) > columns)
		rank--;
	spare = columns - width_of(p, rank);
	for (int i = 0; i < COLUMNS && p->columns[i].title != NULL; i++) {
		const struct column	*c = &p->columns[i];

		cells[i] = (struct place){ 0, x, 0 };
		if (c->rank > rank)
			continue;
		cells[i].width = c->width + (c->grows && spare > 0 ? spare : 0);
		if (x + cells[i].width > columns)
			cells[i].width = columns > x ? columns - x : 0;
		x += cells[i].width + GAP;
	}
}

/* ---- panels ---- */

static void
fill(int y, attr_t attributes)
{
	mvchgat(y, 0, -1, attributes, 0, NULL);
}

static void
draw_titles(const struct top *t, enum top_panel which, int y, struct place *cells)
{
	const struct panel	*p = &panels[which];
	attr_t			 look = t->panel == which ? A_REVERSE | A_BOLD : A_UNDERLINE;

	for (int i = 0; i < COLUMNS && p->columns[i].title != NULL; i++) {
		cells[i].y = y;
		if (cells[i].width > 0)
			put_text(cells[i], p->columns[i].right, PLAIN, p->columns[i].title);
	}
	fill(y, look);
}

/* The first row that is shown, so that the chosen one is among them. */
static size_t
first_shown(const struct top_list *l, unsigned rows)
{
	return l->chosen < rows ? 0 : l->chosen - rows + 1;
}

static void
draw_panel(const struct top *t, enum top_panel which, int y, unsigned height, int64_t now_ms)
{
	const struct panel	*p = &panels[which];
	const struct top_list	*l = &t->lists[which];
	struct place		 cells[COLUMNS];
	size_t			 first = first_shown(l, height - 1);

	place_columns(p, COLS, cells);
	draw_titles(t, which, y, cells);
	if (l->len == 0 && t->boot_id[0] != '\0')
		put(y + 1, 0, COLS, p->empty);
	for (size_t i = first; i < l->len && i - first < height - 1; i++) {
		int	at = y + 1 + (int)(i - first);

		for (int k = 0; k < COLUMNS; k++)
			cells[k].y = at;
		p->draw(top_row(t, which, i), cells, now_ms);
		if (i == l->chosen && t->panel == which)
			fill(at, A_REVERSE);
	}
}

static unsigned
rows_for_panels(void)
{
	return LINES > HEAD_ROWS + FOOT_ROWS ? (unsigned)(LINES - HEAD_ROWS - FOOT_ROWS) : 0;
}

unsigned
top_screen_page(const struct top *t)
{
	unsigned	height = top_lay_out(t, rows_for_panels()).height[t->panel];

	return height > 2 ? height - 1 : 1;
}

/* ---- the head ---- */

static void
draw_daemon(const struct top *t, const struct top_view *v)
{
	struct buf	b = { 0 };
	char		*text;

	if (!t->up) {
		attron(attribute(BAD));
		putf(0, 0, COLS, "%s: %s", v->address, t->why);
		attroff(attribute(BAD));
		return;
	}
	buf_printf(&b, "%s at %s, up ", t->server, v->address);
	print_duration(&b, t->uptime_ms);
	buf_printf(&b, ", %lld connections, ", (long long)t->connections);
	print_bytes(&b, t->rss_bytes);
	if (t->draining)
		buf_puts(&b, ", DRAINS");
	text = buf_take_string(&b);
	put(0, 0, COLS, text);
	free(text);
}

static void
draw_counts(const struct top *t)
{
	int	x = 0;

	for (int i = 0; i < TOP_STATES; i++) {
		enum paint	p = t->now[i] > 0 ? paint_of(top_states[i]) : PLAIN;

		attron(attribute(p));
		x = putf(1, x, COLS, "%lld %s", (long long)t->now[i], top_states[i]);
		attroff(attribute(p));
		x = put(1, x, COLS, i + 1 < TOP_STATES ? "  " : "");
	}
}

static void
draw_rates(const struct top *t)
{
	const struct {
		const char		*name;
		const struct top_counter *c;
	} rates[] = {
		{ "starts/s", &t->starts }, { "ends/s", &t->ends }, { "fails/s", &t->failures },
		{ "requests/s", &t->requests },
	};
	int	count = COLS < 60 ? 2 : 4, width = COLS / count;

	for (int i = 0; i < count; i++) {
		int	x = putf(2, i * width, (i + 1) * width - 1, "%s %.1f ", rates[i].name, rates[i].c->rate);

		put_spark(2, x, (i + 1) * width - GAP - x, &rates[i].c->past);
	}
}

/* ---- the foot ---- */

static void
draw_foot(const struct top *t, const struct top_view *v)
{
	if (v->note[0] != '\0') {
		attron(A_BOLD | attribute(v->bad ? BAD : PLAIN));
		put(LINES - 1, 0, COLS, v->note);
		attroff(A_BOLD | attribute(v->bad ? BAD : PLAIN));
		return;
	}
	putf(LINES - 1, 0, COLS, "q quit  arrows choose  tab panel  e explain  c cancel  p pause  s jobs: %s  ? help",
	    top_states[t->shown]);
}

/* ---- a text over the rest ---- */

/* One line of it, or as much as fits: the bytes that were drawn, its line feed too. */
static int
draw_line(int y, const char *text)
{
	int	used, bytes, end = (int)strcspn(text, "\n");

	bytes = fit(text, COLS, &used);
	if (bytes > end)
		bytes = end;
	if (bytes < end) {		/* between words, where there are any */
		int	at = bytes;

		while (at > 0 && text[at] != ' ')
			at--;
		bytes = at > 0 ? at : bytes;
	}
	mvaddnstr(y, 0, text, bytes);
	while (text[bytes] == ' ')
		bytes++;
	return bytes + (text[bytes] == '\n');
}

static void
draw_page(const struct top_view *v)
{
	const char	*at = v->page;

	put(0, 0, COLS, v->page_title);
	fill(0, A_REVERSE | A_BOLD);
	for (int y = 1; y < LINES - 1 && *at != '\0'; y++) {
		int	drawn = draw_line(y, at);

		if (drawn == 0)
			break;
		at += drawn;
	}
	put(LINES - 1, 0, COLS, *at == '\0' ? "any key goes back" :
	    "any key goes back; there is more than fits: jobctl explain");
}

/* ---- the screen ---- */

static void
draw_all(const struct top *t, const struct top_view *v, int64_t now_ms)
{
	struct top_layout	layout = top_lay_out(t, rows_for_panels());
	int			y = HEAD_ROWS;

	draw_daemon(t, v);
	draw_counts(t);
	draw_rates(t);
	for (int p = 0; p < TOP_PANELS; p++) {
		if (layout.height[p] > 0)
			draw_panel(t, (enum top_panel)p, y, layout.height[p], now_ms);
		y += (int)layout.height[p];
	}
	draw_foot(t, v);
}

void
top_screen_draw(const struct top *t, const struct top_view *v, int64_t now_ms)
{
	erase();
	if (COLS < LEAST_COLUMNS || LINES < LEAST_ROWS)
		putf(0, 0, COLS, "at least %dx%d", LEAST_COLUMNS, LEAST_ROWS);
	else if (v->page != NULL)
		draw_page(v);
	else
		draw_all(t, v, now_ms);
	refresh();
}

void
top_screen_redraw(void)
{
	clearok(curscr, TRUE);
}

int
top_screen_key(void)
{
	int	key = getch();

	return key == ERR ? -1 : key == KEY_RESIZE ? 0 : key;
}

static void
start_colours(void)
{
	static const short	foregrounds[PAINTS] = {
		[GOOD] = COLOR_GREEN, [BUSY] = COLOR_CYAN, [WARN] = COLOR_YELLOW, [BAD] = COLOR_RED,
	};

	start_color();
	use_default_colors();
	for (short p = GOOD; p < PAINTS; p++)
		init_pair(p, foregrounds[p], -1);
}

int
top_screen_open(bool colours, char *why, size_t size)
{
	const char	*type = getenv("TERM");

	if (type == NULL || type[0] == '\0' || !top_terminal_known(type, STDOUT_FILENO) ||
	    (terminal = newterm(NULL, stdout, stdin)) == NULL) {
		snprintf(why, size, type == NULL || type[0] == '\0' ? "TERM does not say what the terminal is" :
		    "the terminal '%.64s' (TERM) is not known here", type);
		return -1;
	}
	unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	colourful = colours && has_colors();
	if (colourful)
		start_colours();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return 0;
}

void
top_screen_close(void)
{
	if (terminal == NULL)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}
