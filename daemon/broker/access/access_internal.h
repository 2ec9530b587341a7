/* access_internal.h - what access.c and access_tokens.c share. */
#ifndef ACCESS_ACCESS_INTERNAL_H
#define ACCESS_ACCESS_INTERNAL_H

#include "daemon/broker/access/access.h"

/* A file of the state directory; the caller's to free. */
char *access_path(const struct access *a, const char *name);

/*
 * Reads the file of tokens, and sees to the two that jobd makes itself.  0; or -errno with a
 * sentence that names the file in why[size].
 */
int access_open_tokens(struct access *a, int64_t now_ms, char *why, size_t size);
/* Reads it again; one that cannot be read changes nothing, and is logged. */
void access_reread_tokens(struct access *a);

#endif
