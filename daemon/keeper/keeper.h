/*
 * keeper.h - jobd-store: what an operator does to a store that nobody serves: check it, write it as
 * text, read it back.  jobd starts it, and ends with its exit status.
 *
 * As text a store is NDJSON: a line for the whole, `{"jobd_store":VERSION}`, a line for each row,
 * `{"table":"job","id":42,"spec":"{...}",...}`, and a last one, `{"rows":N}`.  A text is a string, a
 * number is a number, what is not there is left out; so it comes back as it was, byte for byte.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <sqlite3.h>
#include <stdio.h>

#include "lib/buf.h"
#include "proto/rpc.h"

#define KEEPER_COLUMNS	20	/* of any table */

/* A row's column: its name, and a number or a text. */
struct keeper_value {
	struct span	 name, text;	/* text.p NULL: it is a number */
	int64_t		 number;
};

enum keeper_line_kind { LINE_BEGIN, LINE_ROW, LINE_END };

struct keeper_line {
	enum keeper_line_kind	 is;
	int64_t			 number;	/* BEGIN: the version; END: how many rows */
	struct span		 table;		/* ROW */
	struct keeper_value	 values[KEEPER_COLUMNS];
	size_t			 values_len;
	struct buf		 scratch;	/* decoded texts */
};

/* Spans point into the text or into line->scratch, which is the caller's to free in either case.
 * 0, or -1 with what is wrong in why[size]. */
int keeper_line_read(const char *text, size_t len, struct keeper_line *out, char *why, size_t size);

/* Each: 0, or 1 with words on stderr. */
int keeper_check(const char *path);
int keeper_export(const char *path, FILE *out);
int keeper_import(const char *path, FILE *in, const char *name);

#endif
