/* sqlite_space.c - a reserve on the disk, for what must be written when nothing else is free.
 * Runs in: broker; loop thread before the writer starts, then the writer.
 */
#include "daemon/broker/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_BYTES	(1 << 20)	/* so much is free besides before jobs are taken again */

/* Blocks are allocated, not only promised: nobody else can have them. */
static int
allocate(const struct sqlite_store *s)
{
	int	fd = open(s->reserve_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int	rc;

	if (fd < 0)
		return -errno;
	rc = -posix_fallocate(fd, 0, s->cfg.reserve_bytes);
	close(fd);
	if (rc != 0)
		(void)unlink(s->reserve_path);
	return rc;
}

int
space_reserve(struct sqlite_store *s)
{
	int	rc;

	if (s->cfg.reserve_bytes == 0 || s->reserved)
		return 0;
	rc = allocate(s);
	s->reserved = rc == 0;
	return rc;
}

bool
space_give_up(struct sqlite_store *s)
{
	bool	there = unlink(s->reserve_path) == 0;

	s->reserved = false;
	return there;
}

bool
space_is_back(struct sqlite_store *s)
{
	uint64_t	wanted = ROOM_BYTES;
	struct statvfs	st;

	if (!s->reserved)
		wanted += (uint64_t)s->cfg.reserve_bytes;
	if (statvfs(s->dir, &st) != 0 || (uint64_t)st.f_bavail * st.f_frsize < wanted)
		return false;
	return space_reserve(s) == 0;
}
