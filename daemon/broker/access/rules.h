/*
 * rules.h - who may what by the configuration: `user:NAME = ROLE [TYPE...]`, `group:NAME = ...`,
 * `cert:CN = ...` of [access].
 *
 * Names of users and groups are looked up when the rules are loaded, never when somebody connects:
 * that may ask a directory on the network.
 */
#ifndef ACCESS_RULES_H
#define ACCESS_RULES_H

#include <sys/types.h>

#include "lib/list.h"
#include "proto/config.h"
#include "proto/grant.h"

#define RULES_GROUP	"jobd"	/* its members are submitters, unless a rule says otherwise */

struct rules {
	struct list	list;		/* of struct rule */
};

/* What a peer of a unix socket is, as the kernel says it. */
struct peer_ids {
	uid_t		 uid;
	const gid_t	*groups;	/* the first one and the others */
	size_t		 ngroups;
};

void rules_init(struct rules *r);
void rules_fini(struct rules *r);
/* The rules are those of the configuration, which has checked them, from now on. */
void rules_load(struct rules *r, const struct config *c);

/*
 * Both: *out is for the caller to free, its role ROLE_anybody: it does not get in.
 *
 * Root, and whoever the daemon is, are admin.  For others a rule for the user holds; without one
 * the strongest role of those for its groups, and of that role the types of all.
 */
void rules_of_peer(const struct rules *r, const struct peer_ids *peer, struct grant *out);
void rules_of_certificate(const struct rules *r, const char *cn, struct grant *out);

#endif
