/* store.c - from store.h to the engine in use.  Runs in: broker, loop thread. */
#include "daemon/broker/store/store.h"

#include <stdlib.h>

#include "daemon/broker/store/engine.h"
#include "daemon/broker/store/ids.h"

const char *const store_result_names[STORE_RESULTS] = {
	[STORE_OK] = "ok", [STORE_DUP] = "dup", [STORE_STALE] = "stale",
	[STORE_NOTFOUND] = "not_found", [STORE_FULL] = "full", [STORE_UNAVAIL] = "unavailable",
};

void
store_close(struct store *s)
{
	if (s != NULL)
		s->engine->close(s);
}

void
store_set_keep(struct store *s, const struct store_config *cfg)
{
	if (s->engine->keep != NULL)
		s->engine->keep(s, cfg);
}

bool
store_durable(const struct store *s)
{
	return s->engine->durable;
}

uint32_t
store_boot(const struct store *s)
{
	return ids_boot(s->ids);
}

uint64_t
store_next_id(struct store *s)
{
	return ids_next(s->ids);
}

int
store_fd(const struct store *s)
{
	return s->event;
}

/* ---- operations ---- */

void
store_put(struct store *s, struct store_op *op)
{
	op->other = 0;
	op->turn = s->turn;
	s->engine->put(s, op);
}

void
store_publish(struct store *s)
{
	s->engine->publish(s);
}

struct store_op *
store_done(struct store *s)
{
	struct store_op	*op = s->engine->done(s);

	if (op != NULL && op->result == STORE_FULL && op->turn == s->turn)
		s->turn++;
	return op;
}

struct store_load
store_load(const struct store *s)
{
	return s->engine->load(s);
}

void
store_ask_sign(struct store *s)
{
	if (s->engine->ask_sign != NULL)
		s->engine->ask_sign(s);
}

/* An engine without a thread needs no answer. */
bool
store_answers(const struct store *s)
{
	return s->engine->answers == NULL || s->engine->answers(s);
}

struct store_stats
store_stats(struct store *s)
{
	return s->engine->stats(s);
}

/* ---- queries ---- */

void
store_ask(struct store *s, struct store_query *q)
{
	q->rows = NULL;
	q->rows_len = 0;
	q->next = 0;
	q->memory = (struct buf){ 0 };
	q->error = 0;
	q->why[0] = '\0';
	s->engine->ask(s, q);
}

struct store_query *
store_answered(struct store *s)
{
	return s->engine->answered(s);
}

void
store_query_fini(struct store_query *q)
{
	free(q->rows);
	q->rows = NULL;
	q->rows_len = 0;
	buf_free(&q->memory);
}

/* ---- recovery ---- */

void
store_recover(struct store *s, size_t args_bytes)
{
	s->engine->recover(s, args_bytes);
}

int
store_next_found(struct store *s, struct store_found *out, char *why, size_t size)
{
	*out = (struct store_found){ .is = STORE_RECOVERED };
	return s->engine->next_found(s, out, why, size);
}
