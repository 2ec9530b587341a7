/*
 * cron_item.h - a schedule and what became of it, as a JSON text:
 *
 *   cron	{"when":"0 3 * * *","time_zone":"Europe/Berlin","overlap":"skip","by":"uid:0",
 *		"job":"{\"type\":...}","settled_ms":...,"anchor_ms":...,"last_ms":...,"last_job":...,...}
 *
 * The job is a text inside the text: it comes back byte by byte as it was said.
 */
#ifndef ITEMS_CRON_ITEM_H
#define ITEMS_CRON_ITEM_H

#include "daemon/broker/cron/cron_text.h"

void cron_item_print(struct buf *out, const struct cron *c);

struct cron_item {
	struct cron_words words;	/* all but the name */
	struct span	 by;
	bool		 configured;
	struct cron_past past;
	void		*tree;		/* lends the texts */
};
/* 0, or -1 with *err; cron_item_fini in any case.  What the words say is not checked here. */
int cron_item_read(struct span text, struct cron_item *out, struct rpc_error *err);
void cron_item_fini(struct cron_item *item);

#endif
