/*
 * ledger.h - between core and the store: what is to be remembered is written down in order, and what
 * waits for that goes on when it is on disk.  Runs in: broker, loop thread.
 */
#ifndef BROKER_LEDGER_H
#define BROKER_LEDGER_H

#include "daemon/broker/broker.h"
#include "daemon/broker/store/store.h"
#include "lib/list.h"

struct ledger;

/* The broker's store is open. */
void ledger_open(struct broker *b);
/* The store's news are heard from now on: after recovery (recover.h). */
void ledger_serve(struct broker *b);
/* What core had still to write down is written down; the store is closed. */
void ledger_close(struct broker *b);

/*
 * Who waits for something to be on disk: embedded in what waits, in one list at a time.  done comes
 * once, unless the wait is left before; r is the result of the operation it stands with.
 */
struct ledger_wait {
	struct list	 link;
	void		(*done)(struct broker *b, struct ledger_wait *w, enum store_result r);
};

/*
 * Waits for all that was put so far, what core has to write down at this moment included; the result
 * is that of the last operation.  False: there is nothing to wait for, and done will not come.
 */
bool ledger_wait(struct broker *b, struct ledger_wait *w);
/* Waits with the operation that was put last, and with nothing else. */
bool ledger_wait_last(struct broker *b, struct ledger_wait *w);
void ledger_leave(struct ledger_wait *w);

/* A durable job was accepted: it is written down.  Ends in core_stored, or in a refusal of whoever waits
 * for the job, and core_unstored. */
void ledger_add(struct broker *b, const struct job *j, const struct jobspec *spec);
/* EFFECT_RECORD. */
void ledger_record(struct broker *b, struct job *j, enum record what);
/* An item is made or replaced; gone.  w may be NULL. */
void ledger_put(struct broker *b, const char *kind, struct span name, struct span text,
    struct ledger_wait *w);
/* The same for what is not refused on a full disk, but waits for room. */
void ledger_put_must(struct broker *b, const char *kind, struct span name, struct span text,
    struct ledger_wait *w);
void ledger_delete(struct broker *b, const char *kind, struct span name, struct ledger_wait *w);
/* A job of history, or (group) all members of a group, may be forgotten. */
void ledger_forget(struct broker *b, uint64_t id, struct ledger_wait *w);
void ledger_drop_group(struct broker *b, uint64_t number);

/* A question; done gets it when it is answered, or drop (NULL: nobody) when the ledger closes before. */
struct ledger_query {
	struct store_query q;
	struct list	 link;		/* the ledger's, meanwhile */
	void		(*done)(struct broker *b, struct ledger_query *q);
	void		(*drop)(struct ledger_query *q);
	void		*ctx;
};
void ledger_ask(struct broker *b, struct ledger_query *q);

/* End of a turn: what was put goes to the store's thread. */
void ledger_publish(struct broker *b);
/* So much waits for the disk that no more durable jobs should start. */
bool ledger_behind(const struct broker *b);
/* Why nothing durable can be taken: an error for the client; 0: it can. */
int ledger_refuses(const struct broker *b, struct rpc_error *err);
/* The error of a refused operation. */
int ledger_error(enum store_result r, struct rpc_error *err);

#endif
