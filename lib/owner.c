/* owner.c - who may have written a file.  Runs in: supervisor, workers. */
#include "lib/owner.h"

#include <stdio.h>
#include <unistd.h>

bool
owner_trusted(const struct stat *st, char *why, size_t size)
{
	unsigned	uid = (unsigned)st->st_uid, own = (unsigned)geteuid();
	unsigned	mode = (unsigned)st->st_mode & 07777;
	char		or_own[48] = "";

	if (own != 0)
		snprintf(or_own, sizeof(or_own), ", or jobd's own (uid %u)", own);
	if (uid != 0 && uid != own) {
		snprintf(why, size, "belongs to uid %u (mode %04o); it must be root's%s", uid, mode,
		    or_own);
		return false;
	}
	if ((mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(why, size, "can be written by others (mode %04o) than its owner, uid %u; "
		    "take that away: chmod go-w", mode, uid);
		return false;
	}
	return true;
}
