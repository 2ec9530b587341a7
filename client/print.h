/* print.h - what people read: tables, ages, sizes, and text that cannot harm a terminal. */
#ifndef CLIENT_PRINT_H
#define CLIENT_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

/* Text with control bytes and what is not UTF-8 as \xNN. */
void print_safe(struct buf *out, const char *text, size_t len);

/* `850ms`, `2.5s`, `3m20s`, `2h05m`, `3d04h` */
void print_duration(struct buf *out, int64_t ms);
/* The same with one unit: `0s`, `45s`, `12m`, `3h`, `20d` */
void print_age(struct buf *out, int64_t ms);
/* `512 B`, `1.5 KiB`, `16 MiB` */
void print_bytes(struct buf *out, int64_t bytes);
/* `2026-11-22 11:00:03.120`, local time */
void print_time(struct buf *out, int64_t epoch_ms);

/*
 * A table: titles, then cells row by row.  Columns are as wide as they need, two blanks apart; the
 * last one is not padded.  Cells are made safe; numbers stand right.
 */
#define TABLE_COLUMNS	16

struct table {
	size_t		  columns;
	const char	 *titles[TABLE_COLUMNS];	/* NULL in the first: no line of titles */
	bool		  right[TABLE_COLUMNS];
	char		**cells;
	size_t		  len, cap;
};

void table_add(struct table *t, const char *title, bool right);
void table_cell(struct table *t, const char *text, size_t len);
void table_puts(struct table *t, const char *text);	/* NULL: "-" */
/* Takes the cell from b, which is empty afterwards. */
void table_take(struct table *t, struct buf *b);
/* Rows in the order of their first cell. */
void table_sort(struct table *t);
/*
 * Prints and empties the rows.  indent: blanks before each; width: columns of the terminal to cut
 * the last cell at, 0: none; colour: states in colour.
 */
void table_print(struct table *t, struct buf *out, unsigned indent, size_t width, bool colour);
void table_free(struct table *t);

/* Columns of the terminal on stdout; 0: it is none. */
size_t print_terminal_width(void);

#endif
