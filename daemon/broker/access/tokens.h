/*
 * tokens.h - secrets that tell who a connection is: `ID.SECRET`, 256 random bits as 64 hex digits.
 *
 * The file `tokens` of the state directory has of each its id, the SHA-256 of its secret, when it
 * expires and was made, and what it grants; the secret itself is told once, when it is made.  Two
 * are made at the first start: `client` (admin) and `worker`, whose secrets are in files for the
 * daemon's owner.  Whoever removes such a file gets another secret in it at the next start.
 */
#ifndef ACCESS_TOKENS_H
#define ACCESS_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/access/identity.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/map.h"

#define TOKENS_MAX		10000
#define TOKENS_FILE		"tokens"
#define TOKEN_SECRET_BYTES	32
#define TOKEN_HASH_BYTES	32
#define TOKEN_BYTES		(BOUND_NAME_BYTES + 1 + 2 * TOKEN_SECRET_BYTES + 1)

struct token {
	struct list	 link;
	char		 id[BOUND_NAME_BYTES + 1];
	unsigned char	 hash[TOKEN_HASH_BYTES];
	int64_t		 created_ms, expires_ms;	/* expires_ms 0: never */
	struct grant	 grant;				/* ROLE_anybody: revoked, and not to be made
							 * again at the next start */
	struct identity	*who;				/* its connections'; NULL: none yet */
};

struct tokens {
	struct list	 list;		/* in order of their making */
	struct namemap	 by_id;
	uint32_t	 len;
};

void tokens_init(struct tokens *t);
void tokens_fini(struct tokens *t);

/* A new secret of 256 random bits in out[TOKEN_BYTES], as `ID.SECRET`. */
void token_make(const char *id, char out[TOKEN_BYTES]);
/* Is it `ID.` and 64 hex digits, of this id? */
bool token_is_of(const char *text, size_t len, const char *id);

/* A token with that secret, in place of one of that id; takes what the grant holds. */
struct token *tokens_put(struct tokens *t, const char *text, struct grant *grant);
void tokens_remove(struct tokens *t, struct token *token);
struct token *tokens_find(const struct tokens *t, const char *id, size_t len);
/*
 * The one whose secret this is; NULL: nobody's, or revoked.  Whether it has expired is the
 * caller's to see.  In constant time for texts with one id.
 */
struct token *tokens_of(const struct tokens *t, const char *text, size_t len);

/*
 * All of them, as the file has it; and back: 0, or -EINVAL with the line and what is wrong with it
 * in why[size].
 */
void tokens_print(const struct tokens *t, struct buf *out);
int tokens_read(struct tokens *t, const char *text, size_t len, char *why, size_t size);

#endif
