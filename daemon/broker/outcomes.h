/*
 * outcomes.h - where the outcomes of a group's members are: those of a memory group in the spool,
 * those of a durable one in the store, where they are anyway.
 *
 * What is asked for is answered by gather_outcomes, gather_file and gather_lost, later.
 */
#ifndef BROKER_OUTCOMES_H
#define BROKER_OUTCOMES_H

#include "daemon/broker/broker.h"
#include "daemon/broker/store/store.h"
#include "lib/buf.h"
#include "lib/list.h"

struct event;
struct spool;

/* Some outcomes, in order of index: JSON values with commas between them. */
struct outcomes_page {
	struct span	 items;
	uint64_t	 next;		/* the index after the last */
	const char	*why;		/* they cannot be read now; NULL: they are there */
};

struct outcomes {
	/* Everybody was told of this member's end. */
	void	(*add)(struct broker *b, const struct membership *m, const struct job *j);
	/* From index `from` on, at most count of them, and bytes; up to the first that is not
	 * there. */
	void	(*read)(struct broker *b, const struct group *g, uint64_t ticket, uint64_t from,
		    uint64_t count, size_t bytes);
	/* Writes the file that the reduce job reads. */
	void	(*file)(struct broker *b, const struct group *g);
	/* The group is forgotten. */
	void	(*forget)(struct broker *b, const struct group *g);
};

extern const struct outcomes outcomes_spool, outcomes_store;

static inline const struct outcomes *
outcomes_of(const struct group *g)
{
	return g->durable ? &outcomes_store : &outcomes_spool;
}

/* Of a reduce job that has ended before a crash: gather_reduced says how. */
void outcomes_ask_reduced(struct broker *b, const struct group *g);

/* ---- life ---- */

/* b->outcomes */
struct outcomes_open {
	struct spool	*spool;
	struct event	*event;
	struct buf	 line;		/* an outcome on its way to the spool */
	bool		 held;		/* members wait for the disk */
	struct list	 asked, again;	/* of the store: under way, and to be asked again */
	struct event	*later;		/* when */
	struct list	 puts;		/* of gather_item.c: on their way to the disk */
};

/* Opens the spool, in a directory of the state directory, which it empties.  0, or -errno with a
 * sentence in why. */
int outcomes_open(struct broker *b, char *why, size_t size);
/* After the store was closed. */
void outcomes_close(struct broker *b);
void outcomes_store_close(struct broker *b);

#endif
