/*
 * catalog.h - the administrator's types and pools, as the supervisor has read them.
 *
 * proto/catalog.h has the text.  It comes at start and after each SIGHUP, and is in force at once:
 * for attempts that start from then on.  A type that it does not have any more is unserved: its jobs
 * wait until it comes back.
 */
#ifndef LANES_CATALOG_H
#define LANES_CATALOG_H

#include "daemon/broker/lanes/lanes_internal.h"

/* The type `command`, which is in no file. */
void catalog_builtin(struct lanes *l);
/* The member `defaults` of a row; its texts are lent. */
void catalog_defaults(const struct json_t *o, int64_t timeout_ms, struct type_defaults *out);
/* A memfd with the text, which stays the caller's.  Without a valid one all stays as it was. */
void catalog_take(struct lanes *l, int fd);
/* The same with the text itself.  0, or -1. */
int catalog_apply(struct lanes *l, const char *text, size_t len);

#endif
