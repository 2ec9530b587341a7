/*
 * ready.h - worker.ready: what a language or remote worker says it is.  Pure.  Source: docs/workers.md.
 */
#ifndef LANES_READY_H
#define LANES_READY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/core/job.h"
#include "proto/rpc.h"

#define READY_PROTOCOL		1
#define READY_TYPES_MAX		256
#define READY_TEXT_MAX		256	/* bytes of a summary */
#define READY_LANGUAGE_MAX	64
#define READY_THREADS_MAX	1024	/* slots */
#define READY_ASYNC_MAX		10000
#define READY_PROCESS_MAX	1024	/* of a remote worker; of a local one 1 */
#define READY_LINE_MIN		4096
#define READY_SESSION_MIN	16
#define READY_CREDIT_ANY	UINT32_MAX

struct json_t;

/* An attempt, as a remote worker names it. */
struct ready_attempt {
	uint64_t	job, fence;
	uint32_t	attempt;
};

/* Texts are NUL-terminated and, like types and schemas, belong to the tree. */
struct ready_type {
	const char	*name, *summary;
	enum lane	 lane;
	char		*args_schema;	/* JSON text, owned */
};

struct ready {
	struct json_t	*tree;
	const char	*language;		/* "" when it does not say */
	struct ready_type *types;
	size_t		 types_len;
	uint32_t	 slots[LANES];		/* 0 in lanes that no type of it has */
	size_t		 max_line;		/* 0: any */
	/* remote */
	const char	*pool, *name, *session;
	uint32_t	 credit;		/* READY_CREDIT_ANY: not counted */
	struct ready_attempt *running;
	size_t		 running_len;
};

/* 0; or -1 with *why, and there is nothing to free. */
int ready_read(struct span params, bool remote, struct ready *out, char *why, size_t size);
void ready_free(struct ready *r);

#endif
