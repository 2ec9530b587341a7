/* owner.h - who may have written a file: what another could have is not believed. */
#ifndef LIB_OWNER_H
#define LIB_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * It belongs to root or to us, and neither group nor others may write it.  Else why[size] says how
 * it is, in words that follow the file's name: `can be written by others (mode 0666) ...`.
 */
bool owner_trusted(const struct stat *st, char *why, size_t size);

#endif
