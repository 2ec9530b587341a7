/* list.h - the daemon's lists, page by page, and their tables. */
#ifndef CLIENT_LIST_H
#define CLIENT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "client/ctl.h"
#include "client/print.h"

/*
 * Calls each for every item of a list, page by page, at most so many.  filter: an object's text, or
 * NULL.  *more (may be NULL) says whether there were more.  each returns 0 to go on, or the exit
 * status.
 */
int list_each(struct ctl *ctl, const char *method, const struct buf *filter, uint64_t most,
    bool *more, int (*each)(struct ctl *ctl, struct span item, void *ctx), void *ctx);
/* The same with more params, `"name":value`. */
int list_each_with(struct ctl *ctl, const char *method, const char *params, const struct buf *filter,
    uint64_t most, bool *more, int (*each)(struct ctl *ctl, struct span item, void *ctx), void *ctx);

enum cell_kind {
	CELL_TEXT,	/* any value as text; arrays as a,b */
	CELL_COUNT,	/* a number, 0 as 0 */
	CELL_LIMIT,	/* a number, 0 as - */
	CELL_AGE,	/* epoch milliseconds, as how long ago */
	CELL_BYTES,
	CELL_DURATION,	/* milliseconds */
};

struct column {
	const char	*title;
	const char	*member;
	enum cell_kind	 kind;
	bool		 wide;		/* only with -o wide */
	/* NULL, or makes the cell itself from the item */
	void		(*print)(struct span item, int64_t now_ms, struct buf *out);
};

/* For a column's print: `in 5 min`; the word for a time that has come; never where there is none. */
void list_put_until(struct span item, const char *member, int64_t now_ms, const char *come,
    struct buf *out);

/* A verb that prints a list; columns end with a NULL title; id: the member that -o id prints. */
struct list_view {
	const char		*method;
	const struct column	*columns;
	const char		*id;
	const char		*empty;		/* for people, when there is nothing */
	bool			 sorted;	/* in a table: by the first column */
};
int list_print(struct ctl *ctl, const struct list_view *view, const struct buf *filter,
    uint64_t most, bool *more);
/* All that a verb does that takes no words: connects and prints all there is. */
int list_all(struct ctl *ctl, const struct list_view *view);

/* The same for items that come one by one. */
struct list_printer {
	struct ctl		*ctl;
	const struct list_view	*view;
	struct table		 table;
	size_t			 printed;
	bool			 broken;	/* there may be more that could not be read */
	int64_t			 now_ms;
};
void list_begin(struct list_printer *p, struct ctl *ctl, const struct list_view *view);
int list_item(struct list_printer *p, struct span item);
int list_end(struct list_printer *p);

#endif
