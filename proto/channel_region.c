/*
 * channel_region.c - the memory of a channel: sizes, creation, mapping.  Runs in: broker, workers.
 */
#include "proto/channel_layout.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/bounds.h"

#define DEPTH_MAX	(1u << 20)
#define RUNS_MAX	(1u << 16)
#define ARENA_BYTES_MAX	(UINT64_C(1) << 36)

static bool
power_of_two(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static size_t
align_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

int
shm_layout(uint32_t depth, uint32_t runs, uint64_t in_bytes, uint64_t out_bytes,
    struct shm_layout *out)
{
	struct shm_layout	l;

	if (!power_of_two(depth) || depth > DEPTH_MAX || runs == 0 || runs > RUNS_MAX)
		return -EINVAL;
	if (!power_of_two(in_bytes) || in_bytes < BOUND_CHUNK_MIN || in_bytes > ARENA_BYTES_MAX)
		return -EINVAL;
	if (!power_of_two(out_bytes) || out_bytes < BOUND_CHUNK_MIN || out_bytes > ARENA_BYTES_MAX)
		return -EINVAL;
	l.sqes = SHM_PAGE;
	l.cancels = l.sqes + depth * sizeof(struct shm_sqe);
	l.in = align_up(l.cancels + depth * sizeof(uint64_t), SHM_PAGE);
	l.a_bytes = align_up(l.in + in_bytes, SHM_PAGE);
	l.cqes = SHM_PAGE;
	l.cur = l.cqes + depth * sizeof(struct shm_cqe);
	l.progress = align_up(l.cur + (runs + 1) * sizeof(uint64_t), SHM_LINE);
	l.out = align_up(l.progress + depth * sizeof(struct shm_progress), SHM_PAGE);
	l.lines = align_up(l.out + out_bytes, SHM_PAGE);
	l.b_bytes = l.lines + SHM_LINES_BYTES;
	*out = l;
	return 0;
}

int
shm_create(const char *name, size_t bytes)
{
	int	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int	rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

void *
shm_map(int fd, size_t bytes, int prot)
{
	void	*p = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
	int	 saved;

	if (p == MAP_FAILED)
		return NULL;
	/* A child of a handler must not hold the regions open past the worker's death. */
	if (madvise(p, bytes, MADV_DONTFORK) < 0) {
		saved = errno;
		munmap(p, bytes);
		errno = saved;
		return NULL;
	}
	return p;
}
