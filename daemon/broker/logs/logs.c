/* logs.c - what jobs say: the logs of all jobs that core knows.  Runs in: broker, loop thread. */
#include "daemon/broker/logs/logs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/map.h"

struct logs {
	struct idmap	 logs;		/* struct log by the job's id */
	size_t		 bytes;		/* of memory in all heads */
};

/* ---- the table ---- */

struct log *
logs_find(const struct broker *b, uint64_t id)
{
	return idmap_get(&b->logs->logs, id);
}

static struct log *
get(struct broker *b, uint64_t id)
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

/* ---- what is said ---- */

static void
drop_attempts(struct log *log)
{
	struct log_attempt	*a;

	while ((a = log_drop_oldest(log)) != NULL)
		log_attempt_free(a);
}

static struct log_attempt *
attempt_of(struct broker *b, struct log *log, uint32_t number)
{
	struct log_attempt	*a = log_find(log, number);
	size_t			 before = log->bytes;

	if (a != NULL)
		return a;
	a = log_add_attempt(log, number);
	drop_attempts(log);
	count_bytes(b, log, before);
	return a;
}

static bool
keep(struct broker *b, struct log *log, struct log_attempt *a, const struct log_piece *piece)
{
	bool	memory = b->logs->bytes < (size_t)b->config.logs_memory;
	size_t	before = log->bytes;
	bool	whole = log_keep(log, a, piece, memory, LOG_HEAD_BYTES);

	count_bytes(b, log, before);
	return whole;
}

static void say(struct broker *b, struct log *log, struct log_attempt *a, enum log_stream s,
    int64_t at_ms, const char *p, size_t len);

/* The notice stands where the stream ends, in order with all that is still said. */
static void
note_truncated(struct broker *b, struct log *log, struct log_attempt *a,
    const struct log_piece *piece)
{
	char	text[120];
	int	len = snprintf(text, sizeof(text), "jobd: %s is truncated: what comes after %" PRIu64
		    " bytes is not kept\n", log_stream_names[piece->stream],
		    a->lines[piece->stream].kept);

	if (piece->stream != LOG_NOTE)
		say(b, log, a, LOG_NOTE, piece->at_ms, text, (size_t)len);
}

static void
take(struct broker *b, struct log *log, struct log_attempt *a, const struct log_piece *pieces,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!keep(b, log, a, &pieces[i]))
			note_truncated(b, log, a, &pieces[i]);
}

static void
say(struct broker *b, struct log *log, struct log_attempt *a, enum log_stream s, int64_t at_ms,
    const char *p, size_t len)
{
	struct log_piece	pieces[LOG_PIECES];
	char			scratch[8];

	take(b, log, a, pieces, log_cut(a, s, at_ms, p, len, pieces, scratch));
}

void
logs_add(struct broker *b, struct attempt *at, enum log_stream s, int64_t at_ms, const char *p,
    size_t len)
{
	struct log	*log;

	if (at->job == NULL || len == 0)
		return;
	log = get(b, at->job_id);
	say(b, log, attempt_of(b, log, at->number), s, at_ms, p, len);
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

	if (a != NULL && at->job != NULL)
		end_attempt(b, log, a);
}

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
}

void
logs_job_forgotten(struct broker *b, const struct job *j)
{
	struct log	*log = idmap_del(&b->logs->logs, j->id);

	if (log == NULL)
		return;
	b->logs->bytes -= log->bytes;
	log_free(log);
}

/* ---- life ---- */

void
logs_open(struct broker *b)
{
	b->logs = mem_zalloc(1, sizeof(*b->logs));
}

void
logs_close(struct broker *b)
{
	struct logs	*l = b->logs;
	struct log	*log;
	size_t		 at = 0;

	if (l == NULL)
		return;
	while ((log = idmap_next(&l->logs, &at)) != NULL)
		log_free(log);
	idmap_free(&l->logs);
	free(l);
	b->logs = NULL;
}
