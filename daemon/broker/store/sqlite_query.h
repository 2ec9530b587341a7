/*
 * sqlite_query.h - queries of jobs, carried out on a read-only connection.
 */
#ifndef STORE_SQLITE_QUERY_H
#define STORE_SQLITE_QUERY_H

#include <sqlite3.h>
#include <stddef.h>

#include "daemon/broker/store/store.h"

struct sqlite_query;

/* A connection that reads: 0, or -errno with a sentence in why[size]. */
int sqlite_open_reader(const char *path, sqlite3 **out, char *why, size_t size);

int sqlite_query_open(const char *path, struct sqlite_query **out, char *why, size_t size);
void sqlite_query_close(struct sqlite_query *s);
/* GET, ARGS, LIST, MEMBERS, STATES: fills in the answer and the result. */
void sqlite_query_answer(struct sqlite_query *s, struct store_query *q);

#endif
