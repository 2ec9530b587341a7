/*
 * sql_query.c - one SQL statement, its parameters, and its rows.
 * Runs in: a thread of the io worker.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "workers/handlers/args.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/sql.h"

/* ---- for both databases ---- */

int
sql_go_on(const struct sql *q)
{
	if (jobd_should_stop(q->at))
		return -ECANCELED;
	return clock_mono_ns() >= q->deadline_ns ? -ETIMEDOUT : 0;
}

int
sql_say(struct sql *q, const char *fmt, ...)
{
	va_list	ap;
	size_t	len;

	va_start(ap, fmt);
	vsnprintf(q->why, sizeof(q->why), fmt, ap);
	va_end(ap);
	/* databases end their messages with a newline */
	for (len = strlen(q->why); len > 0 && q->why[len - 1] == '\n'; len--)
		q->why[len - 1] = '\0';
	return -EINVAL;
}

int
sql_column(struct sql *q, const char *name)
{
	struct buf	 quoted = { 0 };
	char		*text;

	bytes_print_lossy(&quoted, name, strlen(name));
	text = buf_take_string(&quoted);
	for (size_t i = 0; q->objects && i < q->names_count; i++) {
		if (strcmp(q->names[i], text) != 0)
			continue;
		free(text);
		return sql_say(q, "two columns are called %s: rename one with AS, or ask for "
		    "args.rows \"arrays\"", name);
	}
	q->names = mem_resize(q->names, q->names_count + 1, sizeof(*q->names));
	q->names[q->names_count++] = text;
	buf_printf(&q->columns, "%s%s", q->names_count == 1 ? "" : ",", text);
	return 0;
}

bool
sql_row_begin(struct sql *q)
{
	if (q->rows_count >= q->max_rows) {
		q->truncated = true;
		return false;
	}
	q->row_begins = buf_len(&q->rows);
	buf_puts(&q->rows, q->rows_count == 0 ? "" : ",");
	buf_putc(&q->rows, q->objects ? '{' : '[');
	return true;
}

void
sql_value_begin(struct sql *q, size_t column)
{
	if (column > 0)
		buf_putc(&q->rows, ',');
	if (q->objects)
		buf_printf(&q->rows, "%s:", q->names[column]);
}

/* A row that does not fit is taken back: what is told is whole. */
bool
sql_row_end(struct sql *q)
{
	buf_putc(&q->rows, q->objects ? '}' : ']');
	if (buf_len(&q->rows) > q->max_bytes) {
		q->rows.tail = q->rows.head + q->row_begins;
		q->truncated = true;
		return false;
	}
	q->rows_count++;
	return true;
}

void
sql_put_bytes(struct sql *q, const char *p, size_t len)
{
	buf_puts(&q->rows, "{\"base64\":");
	bytes_print_base64(&q->rows, p, len);
	buf_putc(&q->rows, '}');
}

void
sql_put_text(struct sql *q, const char *p, size_t len)
{
	if (bytes_are_text(p, len))
		buf_put_json(&q->rows, len == 0 ? "" : p, len);
	else
		sql_put_bytes(q, p, len);
}

/* ---- the attempt ---- */

static void
print_result(const struct sql *q, struct buf *out)
{
	buf_puts(out, "{\"columns\":[");
	buf_append(out, buf_data(&q->columns), buf_len(&q->columns));
	buf_puts(out, "],\"rows\":[");
	buf_append(out, buf_data(&q->rows), buf_len(&q->rows));
	buf_printf(out, "],\"count\":%llu,\"truncated\":%s", (unsigned long long)q->rows_count,
	    q->truncated ? "true" : "false");
	if (q->changes >= 0)
		buf_printf(out, ",\"changes\":%lld", (long long)q->changes);
	buf_putc(out, '}');
}

static void
answer(struct sql *q, int rc)
{
	struct buf	out = { 0 };

	if (rc == -ECANCELED) {
		jobd_cancelled(q->at);
	} else if (rc == -ETIMEDOUT) {
		jobd_failf(q->at, "not done after %lld ms (args.timeout_ms)",
		    (long long)q->timeout_ms);
	} else if (rc != 0) {
		jobd_fail(q->at, q->why, NULL);
	} else {
		print_result(q, &out);
		jobd_succeed(q->at, buf_data(&out), buf_len(&out));
	}
	buf_free(&out);
}

static enum sql_mode
mode_of(const char *name)
{
	return strcmp(name, "write") == 0 ? SQL_WRITE : strcmp(name, "create") == 0 ? SQL_CREATE :
	    SQL_READ;
}

static int
ask(struct sql *q)
{
	const char	*file = args_text(q->at, "file");
	const char	*connection = args_text(q->at, "connection");

	if ((file == NULL) == (connection == NULL))
		return sql_say(q, "either args.file or args.connection must say which database");
#if defined(HAVE_SQLITE)
	if (file != NULL)
		return sql_sqlite(q, file);
#endif
#if defined(HAVE_LIBPQ)
	if (connection != NULL)
		return sql_postgres(q, connection);
#endif
	return sql_say(q, "%s is left out of this build (configure --without-%s)",
	    file != NULL ? "SQLite" : "PostgreSQL", file != NULL ? "sqlite" : "libpq");
}

static void
sql_query(struct jobd_attempt *at)
{
	struct sql	q = { .at = at, .changes = -1 };

	q.text = args_text(at, "sql");
	q.params = args_get(at, "params");
	q.mode = mode_of(args_text(at, "mode"));
	q.objects = strcmp(args_text(at, "rows"), "objects") == 0;
	q.timeout_ms = args_int(at, "timeout_ms");
	q.deadline_ns = clock_mono_ns() + q.timeout_ms * NS_PER_MS;
	q.max_rows = (uint64_t)args_int(at, "max_rows");
	q.max_bytes = (uint64_t)args_int(at, "max_bytes");
	answer(&q, ask(&q));
	for (size_t i = 0; i < q.names_count; i++)
		free(q.names[i]);
	free(q.names);
	buf_free(&q.columns);
	buf_free(&q.rows);
}

const struct jobd_handler handler_sql_query = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "sql.query",
	.summary = "asks SQLite or PostgreSQL; the rows are the result",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"file": {"type": "string", "minLength": 1, "maxLength": 4095},
			"connection": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
			"sql": {"type": "string", "minLength": 1},
			"params": {
				"type": "array", "maxItems": 1000,
				"items": {
					"type": ["null", "boolean", "number", "string", "object"],
					"properties": {"base64": {"type": "string"}},
					"required": ["base64"], "additionalProperties": false
				}
			},
			"mode": {"enum": ["read", "write", "create"], "default": "read"},
			"rows": {"enum": ["objects", "arrays"], "default": "objects"},
			"max_rows": {
				"type": "integer", "minimum": 0, "maximum": 10000000, "default": 10000
			},
			"max_bytes": {
				"type": "integer", "minimum": 0, "maximum": 67108864,
				"default": 1048576
			},
			"timeout_ms": {
				"type": "integer", "minimum": 1, "maximum": 86400000, "default": 30000
			}
		},
		"required": ["sql"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD,
	.run = sql_query,
};
