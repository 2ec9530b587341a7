/*
 * private_file.h - files with secrets: regular files of ours, or of root's, that group and others
 * cannot read.  Others are refused.
 */
#ifndef LIB_PRIVATE_FILE_H
#define LIB_PRIVATE_FILE_H

#include <stddef.h>

/*
 * The whole of it, NUL-terminated, for the caller to wipe and free: 0; -ENOENT: there is none;
 * another -errno; each with a sentence that names the file in why[size].
 */
int private_file_read(const char *path, size_t max, char **text, size_t *len, char *why,
    size_t size);
/*
 * Written aside, on disk, then moved into place, mode 0600: a crash leaves the whole of it or
 * none.
 */
int private_file_write(const char *path, const char *text, size_t len, char *why, size_t size);

#endif
