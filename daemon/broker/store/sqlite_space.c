/* sqlite_space.c - a reserve on the disk, for what must be written when nothing else is free.
 * Runs in: broker; loop thread before the writer starts, then the writer.
 */
#include "daemon/broker/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_BYTES	(1 << 20)	/* so much is free besides before jobs are taken again */
#define LEAST_BYTES	(128 << 10)	/* a part of the reserve is not smaller */

/*
 * Blocks are allocated, not only promised: nobody else can have them.  What there is of it stays when
 * there is no more.
 */
static int
allocate(const struct sqlite_store *s)
{
	int		fd = open(s->reserve_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat	st = { 0 };
	int		rc;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) != 0 ? -errno : -posix_fallocate(fd, 0, s->cfg.reserve_bytes);
	if (rc != 0 && ftruncate(fd, st.st_size) != 0)
		(void)unlink(s->reserve_path);
	close(fd);
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

/*
 * By halves: what is free belongs to whoever comes first, and the next time we may need some, too.
 */
bool
space_give_up(struct sqlite_store *s)
{
	int		fd = open(s->reserve_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat	st = { 0 };
	bool		gave = false;

	if (fd < 0)
		return false;
	s->reserved = false;
	if (fstat(fd, &st) == 0 && st.st_size >= 2 * LEAST_BYTES)
		gave = ftruncate(fd, st.st_size / 2) == 0;
	close(fd);
	return gave || unlink(s->reserve_path) == 0;
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
