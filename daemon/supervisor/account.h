/*
 * account.h - whom a process runs as.
 */
#ifndef SUPERVISOR_ACCOUNT_H
#define SUPERVISOR_ACCOUNT_H

#include <stddef.h>
#include <sys/types.h>

struct account {
	char	*name;		/* of the account; its number where it has none */
	uid_t	 uid;
	gid_t	 gid;
	gid_t	*groups;	/* gid included */
	size_t	 ngroups;
	char	*home;
};

/*
 * A name, or a number, which need not have an account: then gid is the same number, there are no
 * other groups, and its home is /.  0 and *out, for account_free; -ENOENT: no such account.
 */
int account_find(const char *text, struct account *out);
/* Of the process that asks. */
void account_own(struct account *out);
void account_free(struct account *a);

#endif
