/*
 * select.h - which jobs a verb is about: ids, ranges `3-7`, `@last`, `@last:3`, or filters.
 *
 * @last is what this user submitted last, as the daemon remembers it; with filters, the last of
 * those that match.  Ids and filters together are refused: they would say two things.
 */
#ifndef CLIENT_SELECT_H
#define CLIENT_SELECT_H

#include <stddef.h>
#include <stdint.h>

#include "client/ctl.h"

#define SELECT_IDS_MAX	1000000		/* of one command line */

struct select_word {
	uint64_t	first, last;	/* ids; 0: @last */
	uint64_t	count;		/* of @last */
};
/* One word: 0, -EINVAL (not of any form), -ERANGE (ids out of range, or backwards, or too many). */
int select_parse(const char *word, struct select_word *out);

/* The filters among the options as job.list's filter object; by_default: a principal, or NULL. */
void select_put_filter(const struct options *o, const char *me, const char *by_default,
    struct buf *out);
bool select_has_filter(const struct options *o);

struct selection {
	uint64_t	*ids;		/* each once, as given; @last and filters: oldest first */
	size_t		 len;
};
/* Checks the words, connects, and asks the daemon where it must.  0 or the exit status. */
int select_jobs(struct ctl *ctl, int64_t line_bytes, struct selection *out);
/* The one job of a verb that is about one. */
int select_job(struct ctl *ctl, int64_t line_bytes, uint64_t *id);
void selection_free(struct selection *s);

#endif
