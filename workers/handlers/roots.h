/*
 * roots.h - which files the file types may touch: those beneath the directories of files.roots.
 *
 * A path is absolute and begins with a root as it was configured; the rest is resolved by the
 * kernel beneath that directory, without following any symbolic link and without leaving it by
 * `..`.  What cannot be opened is told by a sentence that names the path: in why[size], or, by
 * the functions that take an attempt, as its failure; then -1 is returned.
 */
#ifndef HANDLERS_ROOTS_H
#define HANDLERS_ROOTS_H

#include <sys/stat.h>

#include "workers/handler.h"

#define ROOTS_PATH_MAX	4095		/* bytes of a path */
#define ROOTS_WHY_BYTES	(ROOTS_PATH_MAX + 128)

/* list: directories separated by `:`, NULL or empty: none.  Call once, before the first attempt. */
void roots_init(const char *list);
/* One more, beneath which files are read and never made; before the first attempt, too. */
void roots_add_readable(const char *path);
void roots_fini(void);

/* Any thread, also apart from the attempt's own. */
int roots_find_file(const char *path, struct stat *st, char *why, size_t size);
int roots_find_parent(const char *path, const char **name, char *why, size_t size);

/* A regular file, open for reading; FIFOs, devices and directories are refused.  The descriptor. */
int roots_open_file(struct jobd_attempt *at, const char *path, struct stat *st);
/* The directory that holds path, O_PATH; *name: its last part, inside path.  The descriptor. */
int roots_open_parent(struct jobd_attempt *at, const char *path, const char **name);

#endif
