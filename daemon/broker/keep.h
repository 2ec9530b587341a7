/*
 * keep.h - settings that operators make at run time, and what was measured: written down, and there
 * again after a restart.  Of groups see gather.h.
 *
 * What an operator sets of a queue or a type wins over the configuration file until it is set to
 * what the file says.
 */
#ifndef BROKER_KEEP_H
#define BROKER_KEEP_H

#include "daemon/broker/broker.h"
#include "lib/list.h"

struct config_limit;
struct keep;

void keep_open(struct broker *b);
/* After the net and the ledger have closed. */
void keep_close(struct broker *b);

/* Settings of a queue in the configuration. */
struct queue_settings keep_queue_row(const struct config_limit *row);

/* A reload: queues whose rows have changed. */
void keep_reload(struct broker *b, const struct config *old);

/*
 * The queue, or how the type is routed, was changed: that is written down.  Whoever waits for that
 * (struct watch, by node.link) may join the list that is returned, and net_kept answers; NULL: there
 * is nothing to wait for.  When there is no room on the disk the change is taken back.
 */
struct list *keep_queue(struct broker *b, struct span name);
struct list *keep_pin(struct broker *b, const struct type *t);

/* A type is known now: it gets what was written down of it. */
void keep_adopt(struct broker *b, struct type *t);
/* Its profile has changed: written down within PROFILES_MS, or at the end; nobody waits for it. */
void keep_measured(struct broker *b, struct type *t);
/* The same of a program's; and one that makes room for others: it is gone. */
struct program;
void keep_program_measured(struct broker *b, struct program *p);
void keep_program_drop(struct broker *b, struct program *p);
/* Writes profiles that are due; returns when the next are (CLOCK_MONOTONIC). */
int64_t keep_run(struct broker *b);
/* The daemon ends: writes all of them. */
void keep_end(struct broker *b);

/* Recovery: an item of one of these kinds.  0, or -1 with *err. */
int keep_restore_queue(struct broker *b, struct span name, struct span text,
    struct rpc_error *err);
int keep_restore_pin(struct broker *b, struct span name, struct span text, struct rpc_error *err);
int keep_restore_profile(struct broker *b, struct span name, struct span text,
    struct rpc_error *err);
int keep_restore_program(struct broker *b, struct span name, struct span text,
    struct rpc_error *err);

#endif
