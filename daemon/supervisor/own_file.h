/*
 * own_file.h - files of the supervisor in a state directory that may be another user's, the
 * broker's: what is found there is believed only when nobody but root or we can have written it.
 */
#ifndef SUPERVISOR_OWN_FILE_H
#define SUPERVISOR_OWN_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Opens the file to read and write, or makes it; links are not followed, and nothing waits.  A
 * descriptor or -errno.
 */
int own_file_open(const char *path);
/* A regular file of root or of our own, of this one name, that nobody else may write. */
bool own_file_trusted(int fd);
/* What is not to be trusted goes, with a line in the log; 0 or -errno. */
int own_file_remove(const char *path);
/*
 * Opens it when it is to be trusted; what else has its name is logged and removed, and an empty
 * file is made.  A descriptor or -errno; -EPERM: somebody keeps replacing it.
 */
int own_file_open_trusted(const char *path);
/* The first max bytes at most, NUL-terminated, for the caller to free; NULL with errno. */
char *own_file_read(int fd, size_t max);

#endif
