/*
 * config_file.c - settings from an INI file.  Runs in: supervisor, before it starts anything.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "proto/config.h"
#include "proto/inifile.h"

#define FILE_BYTES_MAX	(1 << 20)

struct setter {
	config_file_set	*set;
	void		*arg;
};

static bool
set_pair(void *arg, const struct pair *p, struct fault *f)
{
	struct setter	*s = arg;
	char		*setting;
	int		 rc;

	f->key[0] = '\0';	/* the reason names it */
	if (p->section[0] == '\0') {
		snprintf(f->why, sizeof(f->why), "a key before the first [section]");
		return false;
	}
	setting = mem_printf("%s.%s=%s", p->section, p->key, p->value);
	rc = s->set(s->arg, setting, f->why, sizeof(f->why));
	free(setting);
	return rc == 0;
}

int
config_file_read(const char *path, config_file_set *set, void *arg, char *why, size_t size)
{
	struct setter	 s = { .set = set, .arg = arg };
	struct fault	 f;
	size_t		 len = 0;
	char		*text = fd_read_file(path, FILE_BYTES_MAX, &len);
	int		 rc;

	if (text == NULL) {
		rc = -errno;
		snprintf(why, size, "%s: cannot be read: %s", path, strerror(-rc));
		return rc;
	}
	if (len == FILE_BYTES_MAX) {
		snprintf(why, size, "%s: is longer than %d bytes", path, FILE_BYTES_MAX - 1);
		rc = -EFBIG;
	} else if ((rc = inifile_read(text, len, false, set_pair, &s, &f)) != 0) {
		snprintf(why, size, "%s:%d: %s%s%s", path, f.line, f.key,
		    f.key[0] == '\0' ? "" : " ", f.why);
	}
	free(text);
	return rc;
}
