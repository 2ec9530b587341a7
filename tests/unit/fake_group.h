/* fake_group.h - a directory that looks like a cgroup, and the files in it. */
#ifndef TESTS_UNIT_FAKE_GROUP_H
#define TESTS_UNIT_FAKE_GROUP_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/unit/unit.h"

static char	dir[256];

static inline void
put(const char *name, const char *text)
{
	char	path[512];
	int	fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static inline void
make(const char *name)
{
	char	path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static inline void
expect(const char *name, const char *want)
{
	char	 path[512], *text;
	size_t	 len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	text = fd_read_file(path, 4096, &len);
	if (text == NULL)
		fail_msg("there is no %s", name);
	assert_string_equal(text, want);
	free(text);
}

#endif
