/*
 * store_model.h - what a store must hold, kept in memory; random operations on it.
 *
 * Operations are made from a seed, so that two processes make the same ones.
 */
#ifndef UNIT_STORE_MODEL_H
#define UNIT_STORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/store_rig.h"

#define MODEL_IDS	40
#define MODEL_KEYS	5
#define MODEL_ITEMS	6
#define MODEL_NEVER_MS	INT64_C(4102444800000)	/* the year 2100 */

/* An operation with its texts. */
struct model_op {
	struct store_op	op;
	uint64_t	serial;		/* its texts tell which one they are of */
	char		spec[40], past[40], text[40], args[40], name[8];
	char		key[8];
	char		*padding;	/* args of some are long */
};

struct model_job {
	enum { ABSENT, LIVE, HISTORY } is;
	uint8_t		state;
	bool		blocks;
	uint64_t	added, past, ended, group;	/* serials; 0: none */
};

struct model_key {
	uint64_t	id;		/* 0: free */
	int64_t		until_ms;
};

struct model {
	struct model_job	jobs[MODEL_IDS + 1];
	struct model_key	keys[MODEL_KEYS];
	uint64_t		items[MODEL_ITEMS];	/* serial; 0: none */
};

/* The next operation of a run of random numbers. */
void model_make(uint64_t *random, uint64_t serial, struct model_op *out);
void model_op_fini(struct model_op *op);
/* What the operation must come back with; the model is as afterwards. */
enum store_result model_apply(struct model *m, const struct store_op *op, uint64_t serial,
    uint64_t *other);
/* Recovers the store that was just opened: does it hold what the model does?  Where not, why tells. */
bool model_matches(const struct model *m, struct store_rig *r, char *why, size_t size);
uint64_t model_random(uint64_t *random, uint64_t below);

#endif
