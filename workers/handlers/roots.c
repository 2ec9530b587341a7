/* roots.c - which files the file types may touch.  Runs in: workers, any thread. */
#include "workers/handlers/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"

struct root {
	char	*path;		/* as configured, without slashes at its end: "" is `/` */
	size_t	 len;
	int	 fd;		/* O_PATH; -1: could not be opened at start */
	bool	 readable;	/* and no more than that: not one of files.roots */
};

static struct root	*roots;		/* written at start only, then read by all threads */
static size_t		 roots_count;
static bool		 configured;	/* one of them is of files.roots */

static struct root *
add_root(const char *path, size_t len)
{
	struct root	*r;

	while (len > 0 && path[len - 1] == '/')
		len--;
	roots = mem_resize(roots, roots_count + 1, sizeof(*roots));
	r = &roots[roots_count++];
	r->path = mem_strndup(path, len);
	r->len = len;
	r->fd = open(len == 0 ? "/" : r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0 || (len > 0 && path[0] != '/'))
		log_warn("files.roots is of no use path=%s reason=%s", r->path,
		    r->fd < 0 ? strerror(errno) : "it is not absolute");
	r->readable = false;
	return r;
}

void
roots_init(const char *list)
{
	if (list == NULL)
		return;
	for (const char *at = list; *at != '\0';) {
		size_t	len = strcspn(at, ":");

		if (len > 0) {
			add_root(at, len);
			configured = true;
		}
		at += len + (at[len] == ':');
	}
}

void
roots_add_readable(const char *path)
{
	add_root(path, strlen(path))->readable = true;
}

void
roots_fini(void)
{
	for (size_t i = 0; i < roots_count; i++) {
		free(roots[i].path);
		fd_close(&roots[i].fd);
	}
	free(roots);
	roots = NULL;
	roots_count = 0;
	configured = false;
}

/* The longest root that path begins with, as whole components. */
static const struct root *
find_root(const char *path)
{
	const struct root	*best = NULL;

	for (size_t i = 0; i < roots_count; i++) {
		const struct root	*r = &roots[i];

		if (strncmp(path, r->path, r->len) != 0 ||
		    (path[r->len] != '/' && path[r->len] != '\0'))
			continue;
		if (best == NULL || r->len > best->len)
			best = r;
	}
	return best;
}

static int
open_beneath(const struct root *r, const char *path, uint64_t flags)
{
	struct open_how	 how = {
		.flags = flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};
	const char	*rest = path + r->len;
	int		 fd;

	while (*rest == '/')
		rest++;
	/* EAGAIN: something was renamed while `..` was walked, and the kernel could not tell */
	for (int tries = 0; tries < 16; tries++) {
		fd = (int)syscall(SYS_openat2, r->fd, *rest == '\0' ? "." : rest, &how,
		    sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

static int
cannot_open(const char *path, char *why, size_t size)
{
	switch (errno) {
	case EXDEV:
		snprintf(why, size, "outside of the configured directories (files.roots): %s", path);
		break;
	case ELOOP:
		snprintf(why, size, "symbolic links are not followed: %s", path);
		break;
	case ENXIO:		/* a socket */
		snprintf(why, size, "not a regular file: %s", path);
		break;
	default:
		snprintf(why, size, "cannot open: %s: %s", strerror(errno), path);
	}
	return -1;
}

/* whole: the path as the client gave it, for messages; path: what to open. */
static int
open_path(const char *whole, const char *path, uint64_t flags, char *why, size_t size)
{
	const struct root	*r = find_root(path);
	bool			 makes = (flags & O_DIRECTORY) != 0;	/* something in it */
	int			 fd;

	if (!configured && (r == NULL || makes))
		snprintf(why, size, "file types are off: no directory is configured (files.roots)");
	else if (whole[0] != '/')
		snprintf(why, size, "a path must be absolute: %s", whole);
	else if (r == NULL)
		snprintf(why, size, "outside of the configured directories (files.roots): %s",
		    whole);
	else if (r->readable && makes)
		snprintf(why, size, "may only be read: %s", whole);
	else if ((fd = open_beneath(r, path, flags | O_CLOEXEC)) < 0)
		return cannot_open(whole, why, size);
	else
		return fd;
	return -1;
}

static bool
is_too_long(const char *path, char *why, size_t size)
{
	if (strlen(path) <= ROOTS_PATH_MAX)
		return false;
	snprintf(why, size, "a path may have %d bytes: %.64s...", ROOTS_PATH_MAX, path);
	return true;
}

int
roots_find_file(const char *path, struct stat *st, char *why, size_t size)
{
	int	fd;

	if (is_too_long(path, why, size))
		return -1;
	/* without O_NONBLOCK, opening a FIFO would wait for a writer, perhaps for ever */
	if ((fd = open_path(path, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, why, size)) < 0)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	snprintf(why, size, "not a regular file: %s", path);
	close(fd);
	return -1;
}

int
roots_find_parent(const char *path, const char **name, char *why, size_t size)
{
	char		 parent[ROOTS_PATH_MAX + 1];
	const char	*slash = strrchr(path, '/');
	const char	*last = slash == NULL ? path : slash + 1;

	if (is_too_long(path, why, size))
		return -1;
	if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
		snprintf(why, size, "this names no file: %s", path);
		return -1;
	}
	*name = last;
	memcpy(parent, path, (size_t)(last - path));
	parent[slash == NULL ? 0 : slash - path] = '\0';
	return open_path(path, parent, O_PATH | O_DIRECTORY, why, size);
}

int
roots_open_file(struct jobd_attempt *at, const char *path, struct stat *st)
{
	char	why[ROOTS_WHY_BYTES];
	int	fd = roots_find_file(path, st, why, sizeof(why));

	if (fd < 0)
		jobd_fail(at, why, NULL);
	return fd;
}

int
roots_open_parent(struct jobd_attempt *at, const char *path, const char **name)
{
	char	why[ROOTS_WHY_BYTES];
	int	fd = roots_find_parent(path, name, why, sizeof(why));

	if (fd < 0)
		jobd_fail(at, why, NULL);
	return fd;
}
