/*
 * access.h - who may what: identities from the kernel's word on a peer, from tokens, from
 * certificates; quotas; the audit log.  Source: SECURITY items 1 to 4 and 9, docs/operations.md.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/access/audit.h"
#include "daemon/broker/access/identity.h"
#include "daemon/broker/access/principals.h"
#include "daemon/broker/access/rules.h"
#include "daemon/broker/access/tokens.h"
#include "daemon/broker/core/job.h"
#include "proto/config.h"

struct event_base;

#define ACCESS_CLIENT	"client"	/* the token of the daemon's owner, */
#define ACCESS_WORKER	"worker"	/* and of remote workers */

struct access {
	const char	 *state_dir;
	struct rules	  rules;
	struct tokens	  tokens;
	struct principals principals;
	struct audit	  audit;
	struct scribe	 *scribe;
	struct event	 *written;
	unsigned	  writing;	/* files of tokens that are on their way to the disk */
	bool		  read_again;	/* the file of tokens, when they are */
};

/*
 * Makes the tokens of the first start, reads the others.  base NULL: nobody hears when tokens are
 * written (tests).  0; or -errno with a sentence that names the file in why[size].
 */
int access_open(const char *state_dir, const struct config *c, struct event_base *base,
    int64_t now_ms, struct access **out, char *why, size_t size);
void access_close(struct access *a);
/*
 * Rules, quotas and audit are as the configuration says from now on, and the file of tokens is
 * read again: one that cannot be read changes nothing, and is logged.
 */
void access_configure(struct access *a, const struct config *c);

/*
 * Who somebody is, counted for the caller; NULL: does not get in.
 *
 * The peer of a connected unix socket, as the kernel noted it when it connected: uid, groups,
 * never pid.
 */
struct identity *access_of_peer(struct access *a, int fd);
/* A token's text.  why: in a word, for the log. */
struct identity *access_of_token(struct access *a, const char *text, size_t len, int64_t now_ms,
    const char **why);
/* The common name of a certificate that was verified.  No rule names it, or it is odd: NULL. */
struct identity *access_of_certificate(struct access *a, const char *cn);
/*
 * The same one as the rules and tokens of now have it; fd: its connection.  NULL: it is nobody any
 * more, because its token was revoked or has expired, say.
 */
struct identity *access_again(struct access *a, const struct identity *who, int fd, int64_t now_ms);
/* When the next token expires (ms since 1970), or INT64_MAX. */
int64_t access_next_expiry(const struct access *a, int64_t now_ms);

/* Who submits jobs under this name, with its account. */
struct submitter *access_submitter(struct access *a, const char *principal, const char *client,
    const char *addr);

/*
 * A new token, in place of none: text is told once.  expires_ms 0: never.  It counts at once; call
 * access_save next.  0, or -1: conflict, there is one of that id, or there are too many.
 */
int access_token_new(struct access *a, const char *id, struct grant *grant, int64_t expires_ms,
    int64_t now_ms, char text[TOKEN_BYTES], struct rpc_error *err);
/* 0, or -1 with not_found.  Its connections are the caller's to end. */
int access_token_revoke(struct access *a, const char *id, size_t len, struct rpc_error *err);
/* Writes the file of tokens; done is called when it is on disk, or not. */
void access_save(struct access *a, void (*done)(void *arg, int rc, const char *why), void *arg);

#endif
