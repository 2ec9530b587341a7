/* map_bar.c - how far `jobctl map` is, on a terminal.  Runs in: jobctl. */
#include "client/map_bar.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"

#define WIDTH	24

void
bar_init(struct bar *b)
{
	struct stat	st;

	memset(b, 0, sizeof(*b));
	b->shown = ctl_is_terminal(STDERR_FILENO);
	b->shares_stdout = ctl_is_terminal(STDOUT_FILENO);
	b->began_ns = clock_mono_ns();
	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		b->input_bytes = st.st_size;
}

void
bar_clear(struct bar *b)
{
	if (b->dirty)
		fd_write_all(STDERR_FILENO, "\033[K", 3);
	b->dirty = false;
}

/* How many lines there are: known once all are read, else told by the bytes of a file, else 0. */
static double
total(const struct bar *b, const struct map *m)
{
	uint64_t	used = m->items.bytes - buf_len(&m->items.in);

	if (m->no_more)
		return (double)m->counts.started;
	if (b->input_bytes == 0 || used == 0)
		return 0;
	return (double)m->counts.started * (double)b->input_bytes / (double)used;
}

static void
put_bar(struct buf *out, double part)
{
	buf_putc(out, '[');
	for (int i = 0; i < WIDTH; i++)
		buf_putc(out, i < (int)(part * WIDTH) ? '=' : ' ');
	buf_printf(out, "] %3d%% ", (int)(part * 100));
}

void
bar_print(const struct bar *b, const struct map *m, int64_t now_ns, struct buf *out)
{
	const struct map_counts	*c = &m->counts;
	uint64_t		 bad = c->failed + c->cancelled + c->expired + c->refused;
	double			 done = (double)(c->succeeded + bad), all = total(b, m);
	double			 seconds = (double)(now_ns - b->began_ns) / (double)NS_PER_S;

	if (all > 0)
		put_bar(out, done < all ? done / all : 1);
	buf_printf(out, "%.0f done, %llu of them badly, %llu at work", done, (unsigned long long)bad,
	    (unsigned long long)m->inflight);
	if (seconds > 0)
		buf_printf(out, ", %.0f/s", done / seconds);
}

void
bar_draw(struct bar *b, const struct map *m)
{
	struct buf	line = { 0 };
	int64_t		now_ns = clock_mono_ns();

	if (!b->shown || now_ns - b->drawn_ns < BAR_MS * NS_PER_MS)
		return;
	b->drawn_ns = now_ns;
	bar_print(b, m, now_ns, &line);
	buf_puts(&line, "\033[K\r");	/* whatever is said next begins at the left */
	fd_write_all(STDERR_FILENO, buf_data(&line), buf_len(&line));
	buf_free(&line);
	b->dirty = true;
}
