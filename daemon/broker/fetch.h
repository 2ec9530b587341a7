/*
 * fetch.h - arguments of jobs that are near their turn, from the store into core.
 * Runs in: broker, loop thread.
 */
#ifndef BROKER_FETCH_H
#define BROKER_FETCH_H

#include "daemon/broker/broker.h"

struct fetch;

struct fetch *fetch_new(void);
/* After ledger_close: the store gives nothing back any more. */
void fetch_free(struct fetch *f);
/* EFFECT_LOAD.  Answered by core_loaded or core_load_failed. */
void fetch_want(struct broker *b, const struct job *j);
/* End of a turn: what was wanted in it is asked for. */
void fetch_publish(struct broker *b);

#endif
