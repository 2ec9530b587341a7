/*
 * said.h - one line of a language or remote worker, checked.  Pure.  Source: docs/workers.md.
 *
 * A worker is as hostile as a stranger: what is not a message of that page, member by member, is
 * refused with a sentence that says what is wrong.  Everything in struct said points into the line
 * (params that are absent: to an empty object).
 */
#ifndef LANES_SAID_H
#define LANES_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/rpc.h"

#define SAID_READY_VALUES	10000		/* JSON values in worker.ready */
#define SAID_READY_BYTES	(1 << 20)
#define SAID_TEXT_BYTES		(64 << 10)	/* a line of attempt.log */
#define SAID_CREDIT_MAX		1000000

enum said_kind { SAID_READY, SAID_RESULT, SAID_ERROR, SAID_PROGRESS, SAID_LOG, SAID_CREDIT };

struct said {
	enum said_kind	 kind;
	/* READY: its id, raw, len 0: it wants no answer; and its params, an object, still to be read */
	struct span	 request, params;
	/* RESULT, ERROR: which attempt.run it answers */
	uint64_t	 id;
	struct span	 result;	/* RESULT: raw */
	const char	*bad_result;	/* RESULT: why it cannot be one; NULL: it can */
	/* ERROR */
	struct span	 message;	/* raw text between the quotes; len 0: it says none */
	struct span	 data;		/* raw object; len 0: none */
	int64_t		 retry_after_ms; /* 0: not said */
	bool		 final, cancelled, is_bad_result;
	/* PROGRESS, LOG: whose */
	uint64_t	 job, fence;
	uint32_t	 attempt;
	uint64_t	 done, total;	/* PROGRESS; 0: not said */
	struct span	 text;		/* PROGRESS, LOG: raw text between the quotes */
	struct span	 level;		/* LOG: "warn" */
	uint32_t	 credit;	/* CREDIT: so many more */
};

/* 0, or -1 with *why, and *out is not to be looked at. */
int said_read(struct span line, struct said *out, char *why, size_t size);
/* The decoded text of one of the raw texts, cut at max bytes where UTF-8 allows it. */
void said_text(struct span raw, size_t max, struct buf *out);

#endif
