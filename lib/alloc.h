/*
 * alloc.h - memory that is there, or the process ends.
 *
 * Every bound on what a client can make jobd hold lives elsewhere (proto/bounds.h, queue limits), so
 * running out of memory means that the machine has none left: the process says so and aborts, the
 * supervisor starts a fresh one.  Sizes that come from outside are checked before they get here.
 *
 * All return memory that free(3) takes; none returns NULL; a product that overflows aborts too.
 */
#ifndef LIB_ALLOC_H
#define LIB_ALLOC_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resize(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
void *mem_dup(const void *p, size_t len) __attribute__((malloc, returns_nonnull));
/* A NUL-terminated copy of len bytes. */
char *mem_strndup(const char *p, size_t len) __attribute__((malloc, returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) __attribute__((malloc, format(printf, 1, 2)));

#endif
