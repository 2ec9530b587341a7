/*
 * pools.h - pools of language and remote workers, as the administrator's files say (proto/catalog.h): who is in
 * them, what they may serve, and whether they can be started at all.
 */
#ifndef LANES_POOLS_H
#define LANES_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/core/job.h"
#include "lib/list.h"

struct json_t;
struct lanes;

#define POOL_BREAKER_DEATHS	6	/* in a row, before any worker was ready */
#define POOL_BROKEN_NS		(60 * INT64_C(1000000000))	/* until one is tried again */
#define POOL_WHY_BYTES		256

struct language_pool {
	struct list	 link;		/* lanes->pools */
	struct lanes	*lanes;
	char		*name;
	char		*user;		/* "": the usual one */
	char		*file;
	char		*digest;	/* of what its workers are started by */
	bool		 changed;	/* that is another one than when the files were read before */
	uint32_t	 core_pool;
	bool		 listed;	/* the catalog has it; else its workers end, and none comes */
	bool		 remote;
	char		**types;	/* that it may serve, ends with NULL */
	uint64_t	*left_out;	/* hashes of types that were left out, and logged */
	size_t		 left_out_len;
	int64_t		 count, ready_ms, max_running, grace_ms, output_bytes;
	struct type_defaults defaults;
	int64_t		 recycle_jobs, recycle_age_ms, recycle_rss;	/* 0: never */
	unsigned	 failures;	/* workers in a row that ended before they were ready */
	bool		 broken;	/* too many: tried now and then */
	int64_t		 try_ns;	/* broken: the next time */
	char		 why[POOL_WHY_BYTES];	/* the last failure; "": none since a worker was ready */
};

/* The member `pools` of a catalog: pools come, change and go. */
void pools_catalog(struct lanes *l, const struct json_t *pools);
void pools_close(struct lanes *l);
struct language_pool *pools_find(const struct lanes *l, const char *name);
struct language_pool *pools_of_core(const struct lanes *l, uint32_t core_pool);
/* As many workers as it shall have: more are asked for, or some end. */
void pools_fill(struct language_pool *p);
/* A type of a worker's: may the pool serve it?  If not that is logged, once. */
bool pools_takes_type(struct language_pool *p, const char *type);
struct ready_type;
/* What a worker says of such a type.  0, or -1 with a sentence. */
int pools_declare(struct language_pool *p, const struct ready_type *row, char *why, size_t size);
/* A worker ended before it was ready; last: what it wrote last to its stderr. */
void pools_failed(struct language_pool *p, const char *worker, const char *how, const char *last);
void pools_ready(struct language_pool *p);
/* May a worker be started now?  If not, *next_ns is when. */
bool pools_may_start(struct language_pool *p, int64_t now_ns, int64_t *next_ns);

#endif
