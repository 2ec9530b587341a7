/*
 * target.h - where the daemon is, and the secret that TCP wants.  Source: jobctl(1),
 * section ENVIRONMENT.
 *
 * The order: -H, else JOBD_HOST, else the user's own socket if something answers there, else the
 * system's.
 */
#ifndef CLIENT_TARGET_H
#define CLIENT_TARGET_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/parse.h"

#define TARGET_SYSTEM_SOCKET	"unix:/run/jobd/jobd.sock"
#define TARGET_SYSTEM_STATE	"/var/lib/jobd"
#define TARGET_MAX		2
#define TARGET_TEXT		512

/* What the choice depends on; strings are lent, NULL or "" where there is none. */
struct surroundings {
	const char	*option;	/* -H */
	const char	*host;		/* JOBD_HOST */
	const char	*token_file;	/* JOBD_TOKEN_FILE */
	const char	*ca, *cert, *key;	/* JOBD_CA, JOBD_CERT, JOBD_KEY */
	const char	*runtime_dir;	/* XDG_RUNTIME_DIR */
	const char	*state_home;	/* XDG_STATE_HOME */
	const char	*home;		/* HOME */
	const char	*tmpdir;	/* TMPDIR */
	uid_t		 uid;
};
void surroundings_read(struct surroundings *s, const char *option);

struct target {
	char		 text[TARGET_TEXT];	/* as it was given: unix:PATH, tcp:HOST:PORT, tls:HOST:PORT */
	struct addr	 addr;
};

/*
 * Addresses to try, best first; returns how many, or -EINVAL with a sentence in why[size] when the
 * one that was given is none.
 */
int target_list(const struct surroundings *s, struct target out[TARGET_MAX], char *why,
    size_t size);

/*
 * Files to look for the token in, best first: JOBD_TOKEN_FILE alone if set.  Returns how many; 0: none is
 * wanted, or (TLS) none was named: the token of a daemon of this machine is not shown to another's.
 */
int target_token_files(const struct surroundings *s, enum addr_kind kind,
    char out[TARGET_MAX][TARGET_TEXT]);

/*
 * The secret in a token file, for the caller to wipe and free.  NULL with errno: ENOENT there is
 * none, EPERM others than its owner may read it (it is refused then), EBADMSG it holds no token.
 */
char *target_token_read(const char *path);

#endif
