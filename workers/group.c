/* group.c - a cgroup for each attempt.  Runs in: exec workers, loop thread. */
#include "workers/group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"

static int	base = -1;
static bool	has_memory, has_pids;	/* controllers, beneath base */

static bool
read_from(int dir, const char *name, char *out, size_t size)
{
	int	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t	n;

	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* A group with processes of its own can limit none beneath it: the worker moves aside. */
static int
move_aside(void)
{
	int	dir, rc;

	if (mkdirat(base, "worker", 0755) != 0 && errno != EEXIST)
		return -errno;
	if ((dir = openat(base, "worker", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	rc = fd_write_control(dir, "cgroup.procs", "0");
	close(dir);
	return rc;
}

static bool
enable(const char *controller, const char *path)
{
	int	rc = fd_write_control(base, "cgroup.subtree_control", controller);

	if (rc != 0)
		log_debug("no %s limits in %s: %s", controller + 1, path, strerror(-rc));
	return rc == 0;
}

void
group_init(const char *path)
{
	int	rc;

	group_fini();
	if (path == NULL)
		return;
	if ((base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		log_warn("no cgroup at %s: %s", path, strerror(errno));
		return;
	}
	if ((rc = move_aside()) != 0) {
		log_warn("the cgroup %s cannot be used: %s", path, strerror(-rc));
		fd_close(&base);
		return;
	}
	has_memory = enable("+memory", path);
	has_pids = enable("+pids", path);
}

void
group_fini(void)
{
	fd_close(&base);
}

bool
group_usable(void)
{
	return base >= 0;
}

static void
limit(const struct group *g, const char *name, int64_t value)
{
	char	text[24];
	int	rc;

	if (value == 0)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	if ((rc = fd_write_control(g->dir, name, text)) != 0 && rc != -ENOENT)
		log_warn("%s of %s: %s", name, g->name, strerror(-rc));
}

void
group_make(struct group *g, uint64_t job, uint32_t attempt, int64_t memory, int64_t processes)
{
	g->dir = -1;
	if (base < 0)
		return;
	snprintf(g->name, sizeof(g->name), "job-%llu-%u", (unsigned long long)job, attempt);
	if ((mkdirat(base, g->name, 0755) != 0 && errno != EEXIST) ||
	    (g->dir = openat(base, g->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
		log_warn("no cgroup %s: %s", g->name, strerror(errno));
		return;
	}
	if (has_memory) {
		limit(g, "memory.max", memory);
		limit(g, "memory.swap.max", memory > 0 ? 1 : 0);	/* less than a page: none */
		limit(g, "memory.oom.group", memory > 0 ? 1 : 0);
	}
	if (has_pids)
		limit(g, "pids.max", processes);
}

void
group_kill(const struct group *g)
{
	if (g->dir >= 0)
		fd_write_control(g->dir, "cgroup.kill", "1");
}

bool
group_is_empty(const struct group *g)
{
	char	text[256];

	return g->dir < 0 || !read_from(g->dir, "cgroup.events", text, sizeof(text)) ||
	    strstr(text, "populated 1") == NULL;
}

bool
group_ran_out(const struct group *g)
{
	char		 text[512];
	const char	*at;

	if (g->dir < 0 || !has_memory || !read_from(g->dir, "memory.events", text, sizeof(text)) ||
	    (at = strstr(text, "oom_kill ")) == NULL)
		return false;
	return strtoll(at + strlen("oom_kill "), NULL, 10) > 0;
}

int64_t
group_peak_bytes(const struct group *g)
{
	char	text[32];

	if (g->dir < 0 || !has_memory || !read_from(g->dir, "memory.peak", text, sizeof(text)))
		return 0;
	return strtoll(text, NULL, 10);
}

void
group_remove(struct group *g)
{
	if (g->dir < 0)
		return;
	if (unlinkat(base, g->name, AT_REMOVEDIR) != 0)
		log_warn("cgroup %s stays: %s", g->name, strerror(errno));
	fd_close(&g->dir);
}
