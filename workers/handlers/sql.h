/*
 * sql.h - what sql.query's two databases have in common: limits, and rows as JSON.
 *
 * sql_query.c reads the argument and answers; sql_sqlite.c and sql_postgres.c ask their database
 * and hand each row over, column by column.
 */
#ifndef HANDLERS_SQL_H
#define HANDLERS_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "workers/handler.h"

#define SQL_SLICE_MS	20	/* how late it may notice that it should stop */

struct json_t;

enum sql_mode { SQL_READ, SQL_WRITE, SQL_CREATE };

struct sql {
	struct jobd_attempt	*at;
	const char		*text;
	const struct json_t	*params;	/* array; NULL: none */
	enum sql_mode		 mode;
	bool			 objects;	/* a row is an object, else an array */
	int64_t			 timeout_ms, deadline_ns;
	uint64_t		 max_rows, max_bytes;

	struct buf		 columns;	/* `"a","b"` */
	char			**names;	/* as JSON strings; owned */
	size_t			 names_count;
	struct buf		 rows;		/* printed */
	size_t			 row_begins;	/* in rows, of the last one */
	uint64_t		 rows_count;
	int64_t			 changes;	/* rows that were written; -1: not known */
	bool			 truncated;	/* there were more rows than fit */
	char			 why[1024];	/* not empty: the failure, in words */
};

/* -ECANCELED: it should stop; -ETIMEDOUT: its time is over; 0: go on. */
int sql_go_on(const struct sql *q);
/* The failure in words; -EINVAL. */
int sql_say(struct sql *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Before the first row: the name of one more column. */
int sql_column(struct sql *q, const char *name);

/*
 * A row: begin, then for each column one value printed into q->rows, then end.  False: the limits
 * are reached, and the row is not taken.
 */
bool sql_row_begin(struct sql *q);
void sql_value_begin(struct sql *q, size_t column);
bool sql_row_end(struct sql *q);

/* Values, into q->rows. */
void sql_put_text(struct sql *q, const char *p, size_t len);	/* not UTF-8: as bytes */
void sql_put_bytes(struct sql *q, const char *p, size_t len);	/* {"base64": "..."} */

/* 0; -ECANCELED, -ETIMEDOUT, or -EINVAL with q->why. */
int sql_sqlite(struct sql *q, const char *path);
int sql_postgres(struct sql *q, const char *connection);

#endif
