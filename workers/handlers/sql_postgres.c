/*
 * sql_postgres.c - sql.query on PostgreSQL.  Runs in: a thread of the io worker.
 *
 * A connection is named in the argument and described in the service file that the setting
 * sql.services names (libpq's own format), so credentials are neither in a job nor on a command
 * line.  The connection does not block: the thread waits on its socket in short slices and looks
 * whether it should stop; then the server is told to stop, too.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "lib/alloc.h"
#include "proto/bounds.h"
#include "proto/json_scan.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/sql.h"

/* Object ids of types, from PostgreSQL's pg_type.dat: they never change. */
enum {
	OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_OID = 26,
	OID_JSON = 114, OID_FLOAT4 = 700, OID_FLOAT8 = 701, OID_NUMERIC = 1700, OID_JSONB = 3802
};

#define SERVER_LATER_MS	5000	/* than us the server ends a statement, should we be gone */

/* ---- waiting ---- */

/* Until the socket is ready for events.  0, -ECANCELED, -ETIMEDOUT. */
static int
wait_for(const struct sql *q, PGconn *conn, short events)
{
	struct pollfd	p = { .fd = PQsocket(conn), .events = events };
	int		rc;

	while ((rc = sql_go_on(q)) == 0)
		if (poll(&p, 1, SQL_SLICE_MS) > 0)
			break;
	return rc;
}

static int
connect_to(struct sql *q, PGconn *conn, const char *connection)
{
	PostgresPollingStatusType	state = PGRES_POLLING_WRITING;
	int				rc = 0;

	while (rc == 0 && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
		rc = wait_for(q, conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT);
		if (rc == 0)
			state = PQconnectPoll(conn);
	}
	if (rc != 0 || state == PGRES_POLLING_OK)
		return rc;
	return sql_say(q, "cannot connect to %s: %s", connection, PQerrorMessage(conn));
}

/* The next result of what was sent; NULL: there is none any more.  0 or -errno. */
static int
next_result(struct sql *q, PGconn *conn, PGresult **out)
{
	int	rc = 0, left;

	while (rc == 0 && (left = PQflush(conn)) > 0)
		rc = wait_for(q, conn, POLLIN | POLLOUT);
	while (rc == 0 && PQisBusy(conn)) {
		rc = wait_for(q, conn, POLLIN);
		if (rc == 0 && PQconsumeInput(conn) == 0)
			rc = sql_say(q, "PostgreSQL: %s", PQerrorMessage(conn));
	}
	*out = rc == 0 ? PQgetResult(conn) : NULL;
	return rc;
}

/* Tells the server that nobody waits for the statement. */
static void
stop(PGconn *conn)
{
	PGcancel	*cancel = PQgetCancel(conn);
	char		 error[256];

	if (cancel != NULL)
		PQcancel(cancel, error, sizeof(error));
	PQfreeCancel(cancel);
}

/* ---- parameters ---- */

struct params {
	size_t	  count;
	char	**values;	/* NULL: null */
	int	 *lengths, *formats;
};

static void
params_fini(struct params *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->values[i]);
	free(p->values);
	free(p->lengths);
	free(p->formats);
}

static int
set_bytes(struct sql *q, struct params *p, size_t i, const json_t *value)
{
	const json_t	*text = json_object_get(value, "base64");
	struct buf	 b = { 0 };

	if (!bytes_decode(&b, json_string_value(text), json_string_length(text)))
		return sql_say(q, "args.params[%zu].base64 must be base64 with its padding", i);
	p->lengths[i] = (int)buf_len(&b);
	p->formats[i] = 1;
	p->values[i] = buf_take_string(&b);
	return 0;
}

static int
set_param(struct sql *q, struct params *p, size_t i, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		return 0;
	case JSON_OBJECT:
		return set_bytes(q, p, i, value);
	case JSON_STRING:
		p->values[i] = mem_strdup(json_string_value(value));
		return 0;
	default:
		p->values[i] = json_dumps(value, JSON_ENCODE_ANY);
		return 0;
	}
}

static int
params_init(struct sql *q, struct params *p)
{
	int	rc = 0;

	p->count = json_array_size(q->params);
	p->values = mem_zalloc(p->count + 1, sizeof(*p->values));
	p->lengths = mem_zalloc(p->count + 1, sizeof(*p->lengths));
	p->formats = mem_zalloc(p->count + 1, sizeof(*p->formats));
	for (size_t i = 0; rc == 0 && i < p->count; i++)
		rc = set_param(q, p, i, json_array_get(q->params, i));
	return rc;
}

/* ---- rows ---- */

static void
put_bytea(struct sql *q, const char *text)
{
	size_t		 len;
	unsigned char	*bytes = PQunescapeBytea((const unsigned char *)text, &len);

	sql_put_bytes(q, bytes == NULL ? "" : (const char *)bytes, bytes == NULL ? 0 : len);
	PQfreemem(bytes);
}

/* As JSON where it is that; NaN and infinities are no JSON, and very deep trees are not taken. */
static void
put_json_or_text(struct sql *q, const char *text, size_t len)
{
	if (scan_check(text, len, BOUND_DEPTH - 4) == NULL)
		buf_append(&q->rows, text, len);
	else
		sql_put_text(q, text, len);
}

static void
put_value(struct sql *q, const PGresult *r, int row, int column)
{
	const char	*text = PQgetvalue(r, row, column);
	size_t		 len = (size_t)PQgetlength(r, row, column);

	if (PQgetisnull(r, row, column)) {
		buf_puts(&q->rows, "null");
		return;
	}
	switch (PQftype(r, column)) {
	case OID_BOOL:
		buf_puts(&q->rows, text[0] == 't' ? "true" : "false");
		break;
	case OID_BYTEA:
		put_bytea(q, text);
		break;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_OID:
	case OID_FLOAT4:
	case OID_FLOAT8:
	case OID_NUMERIC:
	case OID_JSON:
	case OID_JSONB:
		put_json_or_text(q, text, len);
		break;
	default:
		sql_put_text(q, text, len);
	}
}

static bool
put_row(struct sql *q, const PGresult *r, int row)
{
	if (!sql_row_begin(q))
		return false;
	for (int i = 0; i < PQnfields(r); i++) {
		sql_value_begin(q, (size_t)i);
		put_value(q, r, row, i);
	}
	return sql_row_end(q);
}

static int
put_columns(struct sql *q, const PGresult *r)
{
	int	rc = 0;

	for (int i = 0; rc == 0 && q->names_count < (size_t)PQnfields(r); i++)
		rc = sql_column(q, PQfname(r, i));
	return rc;
}

/* 0 to go on. */
static int
take_result(struct sql *q, PGconn *conn, const PGresult *r)
{
	const char	*changes = PQcmdTuples((PGresult *)r);
	int		 rc;

	switch (PQresultStatus(r)) {
	case PGRES_SINGLE_TUPLE:
		if ((rc = put_columns(q, r)) != 0 || q->truncated || put_row(q, r, 0))
			return rc;
		if (q->mode == SQL_READ)
			stop(conn);
		return 0;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (q->mode != SQL_READ && changes[0] != '\0')
			q->changes = strtoll(changes, NULL, 10);
		return put_columns(q, r);
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		return sql_say(q, "COPY from and to the client is not supported");
	default:
		if (q->truncated)	/* it ended because we have told it to */
			return 0;
		return sql_say(q, "PostgreSQL: %s", PQresultErrorMessage(r));
	}
}

static int
take_results(struct sql *q, PGconn *conn)
{
	PGresult	*r;
	int		 rc;

	PQsetSingleRowMode(conn);
	while ((rc = next_result(q, conn, &r)) == 0 && r != NULL) {
		rc = take_result(q, conn, r);
		PQclear(r);
		if (rc != 0)
			break;
	}
	return rc;
}

/* ---- a query ---- */

/* Before the statement: what it may do, and a limit that holds even when we are gone. */
static int
prepare_session(struct sql *q, PGconn *conn)
{
	static const char	text[] =
	    "SELECT set_config('default_transaction_read_only', $1, false), "
	    "set_config('statement_timeout', $2, false)";
	char			ms[24];
	const char		*values[] = { q->mode == SQL_READ ? "on" : "off", ms };
	PGresult		*r = NULL;
	int			 rc;

	snprintf(ms, sizeof(ms), "%lld", (long long)q->timeout_ms + SERVER_LATER_MS);
	if (PQsendQueryParams(conn, text, 2, NULL, values, NULL, NULL, 0) == 0)
		return sql_say(q, "PostgreSQL: %s", PQerrorMessage(conn));
	while ((rc = next_result(q, conn, &r)) == 0 && r != NULL) {
		if (PQresultStatus(r) != PGRES_TUPLES_OK)
			rc = sql_say(q, "PostgreSQL: %s", PQresultErrorMessage(r));
		PQclear(r);
		if (rc != 0)
			break;
	}
	return rc;
}

static int
ask(struct sql *q, PGconn *conn)
{
	struct params	p;
	int		rc;

	if ((rc = params_init(q, &p)) == 0 && (rc = prepare_session(q, conn)) == 0) {
		if (PQsendQueryParams(conn, q->text, (int)p.count, NULL,
		    (const char *const *)p.values, p.lengths, p.formats, 0) == 0)
			rc = sql_say(q, "PostgreSQL: %s", PQerrorMessage(conn));
		else if ((rc = take_results(q, conn)) != 0)
			stop(conn);
	}
	params_fini(&p);
	return rc;
}

int
sql_postgres(struct sql *q, const char *connection)
{
	const char	*names[] = { "service", "client_encoding", "fallback_application_name", NULL };
	const char	*values[] = { connection, "UTF8", "jobd", NULL };
	PGconn		*conn;
	int		 rc;

	if (getenv("PGSERVICEFILE") == NULL)
		return sql_say(q, "no PostgreSQL connection is configured (sql.services)");
	if (q->mode == SQL_CREATE)
		return sql_say(q, "args.mode \"create\" is for files");
	conn = PQconnectStartParams(names, values, 0);
	if (conn == NULL || PQstatus(conn) == CONNECTION_BAD)
		rc = sql_say(q, "cannot connect to %s: %s", connection,
		    conn == NULL ? "no memory" : PQerrorMessage(conn));
	else if ((rc = connect_to(q, conn, connection)) == 0 && PQsetnonblocking(conn, 1) == 0)
		rc = ask(q, conn);
	PQfinish(conn);
	return rc;
}
