/* account.c - whom a process runs as.  Runs in: supervisor. */
#include "daemon/supervisor/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/parse.h"

#define ID_MAX	((INT64_C(1) << 32) - 2)	/* the one above it means "leave it" to setresuid */

static void
fill(struct account *out, const struct passwd *pw)
{
	int	n = 16, room;

	*out = (struct account){ .name = mem_strdup(pw->pw_name), .uid = pw->pw_uid,
	    .gid = pw->pw_gid, .home = mem_strdup(pw->pw_dir) };
	do {
		room = n;
		out->groups = mem_resize(out->groups, (size_t)room, sizeof(*out->groups));
	} while (getgrouplist(pw->pw_name, pw->pw_gid, out->groups, &n) < 0 && n > room);
	out->ngroups = n < 0 ? 0 : (size_t)n;
}

static void
fill_number(struct account *out, uid_t uid)
{
	*out = (struct account){ .name = mem_printf("%u", (unsigned)uid), .uid = uid,
	    .gid = (gid_t)uid, .home = mem_strdup("/"), .ngroups = 1 };
	out->groups = mem_alloc(sizeof(*out->groups));
	out->groups[0] = out->gid;
}

int
account_find(const char *text, struct account *out)
{
	const struct passwd	*pw = getpwnam(text);
	int64_t			 uid;

	if (pw != NULL) {
		fill(out, pw);
		return 0;
	}
	if (parse_i64(text, strlen(text), 0, ID_MAX, &uid) != 0)
		return -ENOENT;
	if ((pw = getpwuid((uid_t)uid)) != NULL)
		fill(out, pw);
	else
		fill_number(out, (uid_t)uid);
	return 0;
}

void
account_own(struct account *out)
{
	const struct passwd	*pw = getpwuid(geteuid());

	if (pw != NULL)
		fill(out, pw);
	else
		fill_number(out, geteuid());
}

void
account_free(struct account *a)
{
	free(a->name);
	free(a->groups);
	free(a->home);
	memset(a, 0, sizeof(*a));
}
