/* token.h - `client.token` in the state directory: the secret that TCP asks for. */
#ifndef SUPERVISOR_TOKEN_H
#define SUPERVISOR_TOKEN_H

#include <stddef.h>
#include <sys/types.h>

#define TOKEN_FILE	"client.token"

/*
 * Makes the token if there is none: one line `client.SECRET`, 256 random bits as 64 hex digits,
 * mode 0600, there at once or not at all.  One that exists must be a regular file of ours, or of
 * the owner's, that
 * group and others cannot read, and of that form.  0, or -errno with a sentence in why[size].
 */
int token_ensure(const char *state_dir, uid_t owner, char *why, size_t size);

#endif
