/*
 * config_file.c - settings from INI files: one, and the drop-ins beside it.  Runs in: supervisor,
 * jobctl.
 */
#include "proto/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/owner.h"
#include "proto/inifile.h"

#define FILE_BYTES_MAX	(1 << 20)

struct reading {
	const char		*path;
	struct config		*config;
	struct settings		*settings;
};

void
config_fault_print(const struct config_fault *f, char *out, size_t size)
{
	if (f->file[0] == '\0')
		snprintf(out, size, "%s", f->why);
	else if (f->line == 0)
		snprintf(out, size, "%s: %s", f->file, f->why);
	else
		snprintf(out, size, "%s:%d: %s", f->file, f->line, f->why);
}

static bool
set_pair(void *arg, const struct pair *p, struct fault *f)
{
	struct reading	*r = arg;
	char		*setting, *origin;
	int		 rc;

	if (p->section[0] == '\0') {
		snprintf(f->why, sizeof(f->why), "a key before the first [section]");
		return false;
	}
	setting = mem_printf("%s.%s=%s", p->section, p->key, p->value);
	if ((rc = config_set(r->config, setting, f->why, sizeof(f->why))) == 0) {
		origin = mem_printf("%s:%d", r->path, p->line);
		settings_add(r->settings, setting, origin);
		free(origin);
	}
	free(setting);
	return rc == 0;
}

/* Sentences of config_set name their key; those of the reader do not. */
static int
blame(struct config_fault *out, const struct fault *f)
{
	out->line = f->line;
	snprintf(out->key, sizeof(out->key), "%s", f->key);
	if (f->key[0] == '\0' || strncmp(f->why, f->key, strcspn(f->key, " ")) == 0)
		snprintf(out->why, sizeof(out->why), "%s", f->why);
	else
		snprintf(out->why, sizeof(out->why), "%.127s %.380s", f->key, f->why);
	return -EINVAL;
}

int
config_text_read(const char *path, const char *text, size_t len, struct config *c,
    struct settings *s, struct config_fault *fault)
{
	struct reading	r = { .path = path, .config = c, .settings = s };
	struct fault	f;

	memset(fault, 0, sizeof(*fault));
	if (inifile_read(text, len, false, set_pair, &r, &f) == 0)
		return 0;
	snprintf(fault->file, sizeof(fault->file), "%s", path);
	return blame(fault, &f);
}

/* ---- who may have written it ---- */

static int __attribute__((format(printf, 4, 5)))
refuse(struct config_fault *fault, int rc, const char *path, const char *fmt, ...)
{
	va_list	ap;

	snprintf(fault->file, sizeof(fault->file), "%s", path);
	va_start(ap, fmt);
	vsnprintf(fault->why, sizeof(fault->why), fmt, ap);
	va_end(ap);
	return rc;
}

/* A device is made by root alone, whoever may write to it: /dev/null is an empty configuration. */
static int
check_file(int fd, const char *path, struct config_fault *fault)
{
	struct stat	st;
	char		why[160];

	if (fstat(fd, &st) != 0)
		return refuse(fault, -errno, path, "cannot be looked at: %s", strerror(errno));
	if (S_ISCHR(st.st_mode) || owner_trusted(&st, why, sizeof(why)))
		return 0;
	return refuse(fault, -EPERM, path, "%s", why);
}

/* Who may rename what is in it chooses the file; in a sticky one, as /tmp, nobody but owners may. */
static int
check_dir(const char *dir, struct config_fault *fault)
{
	struct stat	st;
	char		why[160];

	if (stat(dir, &st) != 0)
		return refuse(fault, -errno, dir, "cannot be looked at: %s", strerror(errno));
	if ((st.st_mode & S_ISVTX) != 0)
		st.st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
	return owner_trusted(&st, why, sizeof(why)) ? 0 : refuse(fault, -EPERM, dir, "%s", why);
}

static int
check_owners(int fd, const char *path, struct config_fault *fault)
{
	char	*copy = mem_strdup(path);
	int	 rc = check_dir(dirname(copy), fault);

	free(copy);
	return rc == 0 ? check_file(fd, path, fault) : rc;
}

/* ---- one file ---- */

static int
read_opened(int fd, const char *path, struct config *c, struct settings *s,
    struct config_fault *fault)
{
	size_t	 len = 0;
	char	*text = fd_read_open(fd, FILE_BYTES_MAX, &len);
	int	 rc;

	if (text == NULL)
		return refuse(fault, -errno, path, "cannot be read: %s", strerror(errno));
	if (len == FILE_BYTES_MAX)
		rc = refuse(fault, -EFBIG, path, "is longer than %d bytes", FILE_BYTES_MAX - 1);
	else
		rc = config_text_read(path, text, len, c, s, fault);
	free(text);
	return rc;
}

static int
read_one(const char *path, unsigned flags, struct config *c, struct settings *s,
    struct config_fault *fault)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	memset(fault, 0, sizeof(*fault));
	if (fd < 0 && errno == ENOENT && (flags & CONFIG_FILE_NEEDED) == 0)
		return 0;
	if (fd < 0)
		return refuse(fault, -errno, path, "cannot be read: %s", strerror(errno));
	if ((flags & CONFIG_FILE_TRUSTED) != 0)
		rc = check_owners(fd, path, fault);
	if (rc == 0)
		rc = read_opened(fd, path, c, s, fault);
	close(fd);
	return rc;
}

int
config_file_read(const char *path, struct config *c, struct settings *s, struct config_fault *fault)
{
	return read_one(path, CONFIG_FILE_NEEDED, c, s, fault);
}

/* ---- drop-ins ---- */

/* Not what editors and package managers leave. */
static int
is_drop_in(const struct dirent *e)
{
	size_t	len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
read_drop_ins(const char *dir, unsigned flags, struct config *c, struct settings *s,
    struct config_fault *fault)
{
	struct dirent	**files;
	int		  n = scandir(dir, &files, is_drop_in, by_name), rc = 0;

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return refuse(fault, -errno, dir, "cannot be read: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		char	*path = mem_printf("%s/%s", dir, files[i]->d_name);

		if (rc == 0)
			rc = read_one(path, flags | CONFIG_FILE_NEEDED, c, s, fault);
		free(path);
		free(files[i]);
	}
	free(files);
	return rc;
}

int
config_files_read(const char *path, unsigned flags, struct config *c, struct settings *s,
    struct config_fault *fault)
{
	char	*dir = mem_printf("%s.d", path);
	int	 rc;

	if ((rc = read_one(path, flags, c, s, fault)) == 0)
		rc = read_drop_ins(dir, flags, c, s, fault);
	free(dir);
	return rc;
}
