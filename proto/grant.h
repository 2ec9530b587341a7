/*
 * grant.h - what somebody may: `ROLE [TYPE...]`, as rules of [access] and tokens say it.
 */
#ifndef PROTO_GRANT_H
#define PROTO_GRANT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/rpc.h"

struct buf;

#define GRANT_TYPES	64	/* that one grant names at most */

struct grant {
	enum rpc_role	 role;		/* ROLE_anybody: `none`, nothing at all */
	char		*types;		/* of a submitter: names with a blank between them, each once;
					 * NULL: every type that submitters may */
};

/* A rule may say `none`; the holder of a token may be a worker. */
enum grant_kind { GRANT_RULE, GRANT_TOKEN };

/*
 * Words with blanks between them: none (rules alone), worker (tokens alone), viewer, submitter,
 * operator or admin; then names of types, for a submitter alone.  0 and *out, which grant_fini
 * frees; or -EINVAL with a sentence that says what is allowed in why[size].
 */
int grant_parse(const char *text, enum grant_kind kind, struct grant *out, char *why, size_t size);
void grant_copy(const struct grant *from, struct grant *out);
void grant_fini(struct grant *g);
/* May it submit jobs of this type, as far as names go? */
bool grant_has(const struct grant *g, const char *type, size_t len);
bool grant_equal(const struct grant *a, const struct grant *b);
/* Both have one role: the types of b are granted, too. */
void grant_join(struct grant *g, const struct grant *b);
/* The next word of text at *at, which begins with 0; false at the end. */
bool grant_word(const char *text, size_t *at, struct span *out);

#endif
