/*
 * rpc_params.h - the members of params, read without knowing the method: a member means the same
 * wherever it stands, so `params` may come before `method` in a line.
 */
#ifndef PROTO_RPC_PARAMS_H
#define PROTO_RPC_PARAMS_H

#include "proto/json_scan.h"
#include "proto/rpc.h"

struct rpc_members {
	struct scan		*scan;
	struct rpc_value	*values;	/* of RPC_PARAMS, all zero */
	struct buf		*scratch;
	struct rpc_error	*err;
	rpc_set			 seen, given;	/* null: seen, not given */
	bool			 roomy;		/* scratch has room for all strings of the text */
	bool			 failed;	/* *err is filled; the rest is only scanned */
	int			 about;		/* the member of *err; -1: one that nobody knows */
};

/* Reads the object that comes next.  What is wrong is in scan->error, or kept for the verdict. */
void rpc_members_read(struct rpc_members *m);
/* 0, or -1 with *err filled. */
int rpc_members_verdict(struct rpc_members *m, rpc_set allowed, rpc_set required);

/*
 * The text of a string or key that was just scanned (raw: between its quotes): itself, or decoded
 * into scratch.  False: it has a NUL.
 */
bool rpc_members_text(struct rpc_members *m, struct span raw, struct span *out);

#define RPC_NAME_CHARACTERS	"A-Z a-z 0-9 _ . -"	/* as messages say it */

/* 1 to BOUND_NAME_BYTES of them. */
bool rpc_is_name(struct span s);

/* A value as a message shows it: cut to size, never in the middle of a character. */
struct rpc_excerpt {
	char	text[48];
};
struct rpc_excerpt rpc_excerpt(enum scan_type type, struct span raw);

/* Fills *e from what the scanner says; returns -1. */
int rpc_fail_scan(struct rpc_error *e, const struct scan *s);

#endif
