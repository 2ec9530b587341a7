/* store_rig.h - a store in a directory of its own, and operations one at a time. */
#ifndef UNIT_STORE_RIG_H
#define UNIT_STORE_RIG_H

#include "tests/unit/unit.h"

#include <stdbool.h>

#include "daemon/broker/store/store.h"

#define SPAN(text)	((struct span){ (text), sizeof(text) - 1 })

struct store_rig {
	char			 dir[64], file[96];
	struct store_config	 cfg;
	bool			 memory;	/* the memory engine */
	struct store		*s;
};

/* cmocka's set-up and tear-down: a SQLite store that is open. */
int store_rig_set_up(void **state);
int store_rig_set_up_memory(void **state);
int store_rig_tear_down(void **state);

void rig_open(struct store_rig *r);
void rig_close(struct store_rig *r);
void rig_reopen(struct store_rig *r);
/* Puts it, waits until it is back; gives its result. */
enum store_result rig_do(struct store_rig *r, struct store_op *op);
/* Waits for the next that is carried out. */
struct store_op *rig_next_done(struct store_rig *r);
/* Asks, and waits for the answer. */
void rig_ask(struct store_rig *r, struct store_query *q);
/* Waits for what is found next. */
struct store_found rig_next_found(struct store_rig *r);

/* A job with small texts, and its end in a state; they point to literals. */
struct store_op rig_add(uint64_t id);
struct store_op rig_end(uint64_t id, uint8_t state);
/* The first column of the first row, from a connection of its own: "" where it is NULL or none. */
void rig_select(const struct store_rig *r, const char *sql, char *out, size_t size);
void rig_assert_select(const struct store_rig *r, const char *sql, const char *expected);

#endif
