/*
 * auth.h - who is a connection, and what may it do.  Source: SECURITY items 1, 3, 4, 9.
 *
 * A unix socket tells the peer's uid: root and the daemon's own uid are admin, nobody else gets in.
 * TCP needs the token of `client.token` in the state directory, in `hello`; its holder is admin.  Who
 * holds that of `worker.token` is a worker, on either kind of connection: docs/workers.md.
 */
#ifndef NET_AUTH_H
#define NET_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/rpc.h"

struct call;
struct connection;

#define AUTH_TOKEN_FILE		"client.token"
#define AUTH_FAILURES		3	/* failed logins of a connection, then it is closed */
#define AUTH_DELAY_MS		1000	/* until a failed login is answered; nothing is read */

struct token {
	char	 text[257];		/* "client.<64 hex digits>" */
	size_t	 len;			/* 0: no TCP listener, no token */
};

struct auth {
	struct token	 client, worker;
};

/*
 * Reads the tokens, or makes them (256 random bits, mode 0600) when there are none.
 * 0, or -errno; -EPERM: the file is readable by group or others.
 */
int auth_open(struct auth *a, const char *state_dir);
void auth_close(struct auth *a);		/* wipes it */
/* ROLE_anybody: of neither.  In constant time for texts of a token's length. */
enum rpc_role auth_token_role(const struct auth *a, const char *text, size_t len);

/* The role of a peer of the unix socket; ROLE_anybody: it does not get in. */
enum rpc_role auth_unix_role(uid_t uid);
/* May the caller use this method?  0, or -1 with unauthenticated or forbidden. */
int auth_check(const struct connection *c, enum rpc_method method, struct rpc_error *err);
/*
 * The part of hello that logs in on TCP, if a token is given.  METHOD_ANSWERED: go on;
 * METHOD_LATER: the token is wrong, which is answered after AUTH_DELAY_MS.
 */
int auth_hello(struct call *call);
/* The delay of a failed login is over, its answer is printed. */
void auth_delay_over(struct connection *c);
/* Writes the principal's name: "uid:1000", "token:client". */
void auth_principal(const struct connection *c, char *out, size_t size);

#endif
