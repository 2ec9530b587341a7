/*
 * auth.h - who is a connection, and what may it do.  Source: SECURITY items 1, 3, 4, 9.
 *
 * A unix socket tells the peer's uid and groups, which the rules of [access] know, or it does not
 * get in. TCP needs a token, in `hello`.  Whoever gives one is its principal from then on, on a
 * unix socket, too; the holder of a worker's token is a worker: docs/workers.md.
 */
#ifndef NET_AUTH_H
#define NET_AUTH_H

#include <stdbool.h>
#include "proto/rpc.h"

struct call;
struct connection;
struct net;

#define AUTH_TOKEN_FILE		"client.token"
#define AUTH_FAILURES		3	/* failed logins of a connection, then it is closed */
#define AUTH_DELAY_MS		1000	/* until a failed login is answered; nothing is read */

/* May the caller use this method?  0, or -1 with unauthenticated or forbidden. */
int auth_check(const struct connection *c, enum rpc_method method, struct rpc_error *err);
/* May it see and change what this principal has submitted?  Its own it may; operators all. */
bool auth_owns(const struct connection *c, const char *principal);
/*
 * The part of hello that logs in, if a token is given.  METHOD_ANSWERED: go on; METHOD_LATER: the
 * token of a stranger is wrong, which is answered after AUTH_DELAY_MS; -1: with *err.
 */
int auth_hello(struct call *call, struct rpc_error *err);
/* The delay of a failed login is over, its answer is printed. */
void auth_delay_over(struct connection *c);
/* The principal's name: "uid:1000", "token:client"; "nobody". */
const char *auth_principal(const struct connection *c);
/*
 * Rules or tokens have changed, or a token has expired: connections of whom something else is
 * granted now are closed.
 */
void auth_look_again(struct net *n);

#endif
