/* logs.c - what jobs say: the logs of all jobs that core knows.  Runs in: broker, loop thread. */
#include "daemon/broker/logs/logs.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/logs/files.h"
#include "daemon/broker/logs/reader.h"
#include "daemon/broker/logs/sweep.h"
#include "daemon/broker/net/follow.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/map.h"

#define QUEUE_HOLDS	((size_t)32 << 20)	/* that wait for the disk: commands wait, too... */
#define QUEUE_RESUMES	((size_t)16 << 20)	/* ...until so few do; */
#define QUEUE_MOST	((size_t)64 << 20)	/* of what cannot wait, no more is kept */

struct logs {
	struct idmap	 logs;		/* struct log by the job's id */
	size_t		 bytes;		/* of memory in all heads */
	struct list	 held;		/* log->held */
	struct list	 spilling;	/* log->spilling: something is to go to a file */
	struct files	*files;
	struct event	*event;
	struct sweep	*sweep;
};

/* ---- the table ---- */

struct log *
logs_find(const struct broker *b, uint64_t id)
{
	return idmap_get(&b->logs->logs, id);
}

struct log *
logs_get(struct broker *b, uint64_t id)
{
	struct log	*log = logs_find(b, id);

	if (log == NULL) {
		log = log_new(id);
		idmap_put(&b->logs->logs, id, log);
	}
	return log;
}

static void
count_bytes(struct broker *b, const struct log *log, size_t before)
{
	b->logs->bytes += log->bytes - before;
}

static void
drop_attempts(struct broker *b, struct log *log)
{
	struct log_attempt	*a;

	while ((a = log_drop_oldest(log)) != NULL) {
		if (a->filed > 0)
			files_remove(b->logs->files, log->id, a->number);
		log_attempt_free(a);
	}
}

static struct log_attempt *
attempt_of(struct broker *b, struct log *log, uint32_t number)
{
	struct log_attempt	*a = log_find(log, number);
	size_t			 before = log->bytes;

	if (a != NULL)
		return a;
	a = log_add_attempt(log, number);
	a->max_bytes = (uint64_t)b->config.logs_max_bytes;
	drop_attempts(b, log);
	count_bytes(b, log, before);
	return a;
}

/* ---- what is said ---- */

static void say_notice(struct broker *b, struct log *log, struct log_attempt *a, int64_t at_ms,
    const char *p, size_t len);

static bool
keep(struct broker *b, struct log *log, struct log_attempt *a, const struct log_piece *piece)
{
	bool	memory = b->logs->bytes < (size_t)b->config.logs_memory;
	size_t	before = log->bytes;
	bool	whole = log_keep(log, a, piece, memory, a->max_bytes);

	count_bytes(b, log, before);
	log->fresh = true;
	if (buf_len(&a->spill) > 0 && !list_linked(&log->spilling))
		list_push_back(&b->logs->spilling, &log->spilling);
	return whole;
}

/* The notice stands where the stream ends, in order with all that is still said. */
static void
note_truncated(struct broker *b, struct log *log, struct log_attempt *a,
    const struct log_piece *piece)
{
	char	text[120];
	int	len = snprintf(text, sizeof(text), "jobd: %s is truncated: what comes after %" PRIu64
		    " bytes is not kept\n", log_stream_names[piece->stream],
		    a->lines[piece->stream].kept);

	if (piece->stream != LOG_NOTE && !a->lost)
		say_notice(b, log, a, piece->at_ms, text, (size_t)len);
}

static void
take(struct broker *b, struct log *log, struct log_attempt *a, const struct log_piece *pieces,
    size_t count)
{
	const struct log_piece	*cut = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!keep(b, log, a, &pieces[i]))
			cut = &pieces[i];
		follow_said(b->net, log, a, &pieces[i]);
	}
	/* its place is behind all pieces: before the last one, followers would take that for missed */
	if (cut != NULL)
		note_truncated(b, log, a, cut);
}

static void
say(struct broker *b, struct log *log, struct log_attempt *a, enum log_stream s, int64_t at_ms,
    const char *p, size_t len)
{
	struct log_piece	pieces[LOG_PIECES];
	char			scratch[8];

	take(b, log, a, pieces, log_cut(a, s, at_ms, p, len, pieces, scratch));
}

static void
say_notice(struct broker *b, struct log *log, struct log_attempt *a, int64_t at_ms, const char *p,
    size_t len)
{
	struct log_piece	pieces[LOG_PIECES];
	char			scratch[8];
	size_t			count = log_cut(a, LOG_NOTE, at_ms, p, len, pieces, scratch);

	for (size_t i = 0; i < count; i++)
		pieces[i].notice = true;
	take(b, log, a, pieces, count);
}

void
logs_add(struct broker *b, struct attempt *at, enum log_stream s, int64_t at_ms, const char *p,
    size_t len)
{
	struct log		*log;
	struct log_attempt	*a;

	if (at->job == NULL || len == 0)
		return;
	log = logs_get(b, at->job_id);
	a = attempt_of(b, log, at->number);
	if (at->type->output_bytes > 0)
		a->max_bytes = at->type->output_bytes;
	say(b, log, a, s, at_ms, p, len);
}

/* Whatever waited for the rest of a character waits no more. */
static void
end_attempt(struct broker *b, struct log *log, struct log_attempt *a)
{
	struct log_piece	pieces[LOG_PIECES];
	char			scratch[8];

	if (a->ended)
		return;
	for (int s = 0; s < LOG_STREAMS; s++)
		take(b, log, a, pieces, log_cut_end(a, (enum log_stream)s, b->now.real_ms, pieces,
		    scratch));
	a->ended = true;
}

void
logs_ended(struct broker *b, const struct attempt *at)
{
	struct log		*log = logs_find(b, at->job_id);
	struct log_attempt	*a = log == NULL ? NULL : log_find(log, at->number);

	if (a == NULL || at->job == NULL)
		return;
	end_attempt(b, log, a);
	follow_look(b->net, log);
}

/* ---- files ---- */

/* No more of this attempt goes to its file; what is there already stays. */
static void
lose(struct broker *b, struct log *log, struct log_attempt *a, const uint64_t kept[LOG_STREAMS],
    const char *why)
{
	char	text[160];
	int	len = snprintf(text, sizeof(text), "jobd: the log is truncated: %s\n", why);

	log_warn("a log is truncated job=%" PRIu64 " attempt=%" PRIu32 " reason=\"%s\"", log->id,
	    a->number, why);
	log_lost(a, kept);
	if (!a->ended)
		say_notice(b, log, a, b->now.real_ms, text, (size_t)len);
}

static void
write_spill(struct broker *b, struct log *log, struct log_attempt *a)
{
	struct files	*f = b->logs->files;
	struct buf	 records;

	if (files_queued(f) > QUEUE_MOST) {
		lose(b, log, a, a->before, "the disk is behind");
		return;
	}
	if (a->filed == 0)
		files_remove(f, log->id, a->number);	/* of an attempt that a crash took back */
	log_take_spill(a, &records);
	files_append(f, log->id, a->number, &records, a->before);
}

void
logs_settle(struct broker *b, struct log *log)
{
	list_remove(&log->spilling);
	list_for(node, &log->attempts) {
		struct log_attempt	*a = list_entry(node, struct log_attempt, link);

		if (buf_len(&a->spill) > 0)
			write_spill(b, log, a);
	}
}

void
logs_read_file(struct broker *b, uint64_t id, uint32_t attempt, uint64_t from,
    struct reader_wait *w)
{
	files_read(b->logs->files, id, attempt, from, w);
}

static void
not_written(struct broker *b, const struct files_news *is)
{
	struct log		*log = logs_find(b, is->id);
	struct log_attempt	*a = log == NULL ? NULL : log_find(log, is->attempt);

	if (a != NULL && !a->lost)
		lose(b, log, a, is->kept, strerror(is->error));
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct broker		*b = arg;
	struct files_news	 is;

	(void)fd;
	(void)what;
	broker_clocks(b);
	while (files_next(b->logs->files, &is)) {
		switch (is.kind) {
		case FILES_LOST:	not_written(b, &is); break;
		case FILES_READ:	reader_got(is.tag, &is.bytes); break;
		case FILES_LISTED:	sweep_listed(b->logs->sweep, b, is.names, is.names_len); break;
		}
		buf_free(&is.bytes);
		free(is.names);
	}
}

void
logs_run(struct broker *b)
{
	while (!list_empty(&b->logs->spilling))
		logs_settle(b, list_entry(b->logs->spilling.next, struct log, spilling));
	sweep_run(b->logs->sweep, b);
}

void
logs_serve(struct broker *b)
{
	sweep_begin(b->logs->sweep);
}

int64_t
logs_next_ns(const struct broker *b)
{
	return sweep_next_ns(b->logs->sweep);
}

/* ---- ends ---- */

static void
end_all(struct broker *b, struct log *log)
{
	list_for(node, &log->attempts)
		end_attempt(b, log, list_entry(node, struct log_attempt, link));
}

void
logs_job_finished(struct broker *b, struct job *j)
{
	struct log	*log = logs_find(b, j->id);

	if (log == NULL)
		return;
	end_all(b, log);
	core_job_log(b->core, j, (uint32_t)log->bytes);
	logs_settle(b, log);
	follow_finished(b->net, log);
}

/* The files of a durable job stay as long as the store knows it (sweep.h). */
void
logs_job_forgotten(struct broker *b, const struct job *j)
{
	struct log	*log = idmap_del(&b->logs->logs, j->id);

	if (log == NULL)
		return;
	follow_forgotten(b->net, log);
	list_remove(&log->held);
	list_remove(&log->spilling);
	b->logs->bytes -= log->bytes;
	list_for(node, &log->attempts) {
		const struct log_attempt	*a = list_entry(node, struct log_attempt, link);

		if (a->filed > 0 && !j->durable)
			files_remove(b->logs->files, log->id, a->number);
	}
	log_free(log);
}

/* ---- the store ---- */

void
logs_print(struct broker *b, uint64_t id, struct buf *out)
{
	struct log	*log = logs_find(b, id);

	if (log == NULL || !log->fresh)
		return;
	logs_settle(b, log);
	log_print(log, out);
	log->fresh = false;
}

uint32_t
logs_restore(struct broker *b, uint64_t id, struct span text)
{
	struct log	*log;

	if (text.len == 0 || logs_find(b, id) != NULL)
		return 0;
	if ((log = log_parse(id, text)) == NULL) {
		log_error("a log in the store cannot be read job=%" PRIu64, id);
		return 0;
	}
	idmap_put(&b->logs->logs, id, log);
	b->logs->bytes += log->bytes;
	return (uint32_t)log->bytes;
}

/* ---- held back ---- */

static bool
is_held(const struct broker *b, const struct log *log, size_t queue_limit)
{
	return follow_holds(log) || files_queued(b->logs->files) > queue_limit;
}

bool
logs_held(const struct broker *b, const struct attempt *at)
{
	struct log	*log = logs_find(b, at->job_id);

	if (log == NULL || at->job == NULL || !is_held(b, log, QUEUE_HOLDS))
		return false;
	if (!list_linked(&log->held))
		list_push_back(&b->logs->held, &log->held);
	return true;
}

bool
logs_resume(struct broker *b)
{
	bool	any = false;

	list_for_safe(node, after, &b->logs->held) {
		struct log	*log = list_entry(node, struct log, held);

		if (is_held(b, log, QUEUE_RESUMES))
			continue;
		list_remove(&log->held);
		lanes_output_wanted(b->lanes, log->id);
		any = true;
	}
	return any;
}

/* ---- life ---- */

int
logs_open(struct broker *b, char *why, size_t size)
{
	struct logs	*l = mem_zalloc(1, sizeof(*l));
	char		*dir = mem_printf("%s/logs", b->state_dir);
	int		 rc = files_open(dir, 2 * (uint64_t)b->config.store_reserve, &l->files, why, size);

	free(dir);
	if (rc != 0) {
		free(l);
		return rc;
	}
	list_init(&l->held);
	list_init(&l->spilling);
	l->event = event_new(b->base, files_fd(l->files), EV_READ | EV_PERSIST, on_news, b);
	event_add(l->event, NULL);
	l->sweep = sweep_new(l->files);
	b->logs = l;
	return 0;
}

void
logs_close(struct broker *b)
{
	struct logs		*l = b->logs;
	struct files_news	 is;
	struct log		*log;
	size_t			 at = 0;

	if (l == NULL)
		return;
	while (!list_empty(&l->spilling))
		logs_settle(b, list_entry(l->spilling.next, struct log, spilling));
	event_free(l->event);
	files_end(l->files);
	while (files_next(l->files, &is)) {
		if (is.kind == FILES_READ)
			reader_got(is.tag, &is.bytes);
		buf_free(&is.bytes);
		free(is.names);
	}
	files_close(l->files);
	sweep_free(l->sweep);
	while ((log = idmap_next(&l->logs, &at)) != NULL)
		log_free(log);
	idmap_free(&l->logs);
	free(l);
	b->logs = NULL;
}
