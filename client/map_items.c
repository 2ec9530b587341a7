/* map_items.c - lines of stdin to calls.  Runs in: jobctl. */
#include "client/map.h"

#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "lib/alloc.h"
#include "lib/utf8.h"

#define UNSENT_BYTES	((size_t)1 << 20)
#define ARGS_BYTES	((size_t)16 << 20)	/* of all calls in flight */
#define RESULTS_BYTES	((int64_t)16 << 20)	/* the same, as far as can be told */
#define FEELERS		4			/* calls before anything is known */

void
map_refused(struct map *m, uint64_t index, const char *kind, const char *message)
{
	struct buf	line = { 0 };

	m->counts.refused++;
	if (m->code != 0) {		/* one reason for all, said once */
		map_out_line(&m->out, index, NULL);
		return;
	}
	if (m->out.format == FORMAT_ID) {
		map_out_line(&m->out, index, NULL);
		return;
	}
	buf_printf(&line,
	    "{\"index\":%llu,\"id\":null,\"state\":\"refused\",\"failure\":{\"kind\":",
	    (unsigned long long)index);
	json_put_text(&line, kind);
	buf_puts(&line, ",\"message\":");
	json_put_text(&line, message);
	buf_puts(&line, "}}");
	map_out_line(&m->out, index, buf_take_string(&line));
}

/* ---- arguments ---- */

static bool
is_blank(struct span line)
{
	size_t	i = 0;

	while (i < line.len && (line.p[i] == ' ' || line.p[i] == '\t' || line.p[i] == '\r'))
		i++;
	return i == line.len;
}

static bool
is_utf8(struct map *m, struct span line, uint64_t index)
{
	size_t	n;

	for (size_t i = 0; i < line.len; i += n) {
		if ((n = utf8_sequence(line.p + i, line.len - i)) > 0)
			continue;
		map_refused(m, index, "parse_error", "the line is not UTF-8");
		return false;
	}
	return true;
}

static bool
put_text_args(struct map *m, struct span line, uint64_t index, struct buf *out)
{
	if (!is_utf8(m, line, index))
		return false;
	buf_putc(out, '{');
	json_put_text(out, m->ctl->opt.text[OPT_lines]);
	buf_putc(out, ':');
	buf_put_json(out, line.p, line.len);
	buf_putc(out, '}');
	return true;
}

/* The command with the line in it. */
static bool
put_command_args(struct map *m, struct span line, uint64_t index, struct buf *out)
{
	const struct options	*o = &m->ctl->opt;

	if (!is_utf8(m, line, index))
		return false;
	if (memchr(line.p, '\0', line.len) != NULL) {
		map_refused(m, index, "parse_error", "the line has a NUL, which no argument can");
		return false;
	}
	buf_putc(out, '{');
	command_put_argv(o->operands, o->operands_len, line, out);
	buf_append(out, buf_data(&m->place), buf_len(&m->place));
	buf_putc(out, '}');
	return true;
}

static bool
put_json_args(struct map *m, struct span line, uint64_t index, struct buf *out)
{
	const char	*wrong = scan_check(line.p, line.len, JSON_DEPTH);

	if (wrong == NULL) {
		size_t	from = buf_len(out);

		buf_append(out, line.p, line.len);
		for (char *p = buf_data(out) + from; p < buf_data(out) + buf_len(out); p++)
			if (*p == '\n' || *p == '\r')
				*p = ' ';	/* with -0 a line may have some */
		return true;
	}
	if (!m->hinted)
		ctl_say(m->ctl,
		    "line %llu is not JSON: %s; --lines KEY makes {\"KEY\": line} of plain text",
		    (unsigned long long)index + 1, wrong);
	m->hinted = true;
	map_refused(m, index, "parse_error", wrong);
	return false;
}

static bool
put_args(struct map *m, struct span line, uint64_t index, struct buf *out)
{
	if (m->command)
		return put_command_args(m, line, index, out);
	if (option_given(&m->ctl->opt, OPT_lines))
		return put_text_args(m, line, index, out);
	return put_json_args(m, line, index, out);
}

static void
call(struct map *m, struct span line, uint64_t index)
{
	struct buf	 params = { 0 };
	struct flight	*f;

	buf_puts(&params, "{\"type\":");
	json_put_text(&params, m->type);
	buf_puts(&params, ",\"args\":");
	if (put_args(m, line, index, &params)) {
		buf_append(&params, buf_data(&m->fields), buf_len(&m->fields));
		f = mem_zalloc(1, sizeof(*f));
		f->index = index;
		f->args_bytes = line.len;
		m->args_bytes += line.len;
		m->inflight++;
		map_request(m, REQUEST_CALL, f, NULL, "job.call", &params);
	}
	buf_free(&params);
}

/* ---- lines ---- */

uint64_t
map_calls_at_once(const struct map *m)
{
	uint64_t	by_size = m->most, by_feel = m->most;

	if (m->result_bytes > 0)
		by_size = (uint64_t)(RESULTS_BYTES / m->result_bytes);
	if (!m->waited)
		by_feel = FEELERS + 2 * m->outcomes;
	if (by_size > by_feel)
		by_size = by_feel;
	return by_size < 1 ? 1 : by_size < m->most ? by_size : m->most;
}

static bool
has_room(const struct map *m)
{
	return !m->no_more && m->inflight < map_calls_at_once(m) && m->args_bytes < ARGS_BYTES &&
	    jobd_unsent(m->ctl->conn) < UNSENT_BYTES && !map_out_full(&m->out);
}

bool
map_take_items(struct map *m)
{
	bool		is_text = m->command || option_given(&m->ctl->opt, OPT_lines);
	struct span	line;
	uint64_t	index;

	while (has_room(m)) {
		switch (items_next(&m->items, &line, &index)) {
		case ITEM_NONE:
			return true;
		case ITEM_END:
			m->no_more = true;
			break;
		case ITEM_TOO_LONG:
			m->counts.started++;
			map_refused(m, index, "line_too_long",
			    "the line is longer than the daemon takes");
			break;
		case ITEM_LINE:
			if (!is_text && is_blank(line)) {
				map_out_line(&m->out, index, NULL);
				break;
			}
			m->counts.started++;
			call(m, line, index);
			break;
		}
	}
	return false;
}
