/* alloc.c - memory that is there, or the process ends.  Runs in: every process. */
#include "lib/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

/* Not inlined: the compiler would see malloc and memset, and make calloc of them. */
__attribute__((noinline)) static void *
checked(void *p, size_t size)
{
	if (p == NULL)
		log_fatal("out of memory bytes=%zu", size);
	return p;
}

void *
mem_alloc(size_t size)
{
	return checked(malloc(size == 0 ? 1 : size), size);
}

/*
 * glibc's calloc passes by the thread's own cache of free chunks, and costs ten times as much as a
 * malloc that takes from there; large memory may be fresh from the kernel, and is zero then.
 */
#define SMALL	1024

void *
mem_zalloc(size_t count, size_t size)
{
	if (size > 0 && size <= SMALL && count <= SMALL / size && count > 0)
		return memset(mem_alloc(count * size), 0, count * size);
	return checked(calloc(count == 0 ? 1 : count, size), size);
}

void *
mem_resize(void *p, size_t count, size_t size)
{
	if (count == 0)
		count = 1;
	return checked(reallocarray(p, count, size), size);
}

void *
mem_dup(const void *p, size_t len)
{
	void	*copy = mem_alloc(len);

	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

char *
mem_strndup(const char *p, size_t len)
{
	char	*copy = mem_alloc(len + 1);

	if (len > 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

char *
mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *
mem_printf(const char *fmt, ...)
{
	va_list	 ap;
	char	*out = NULL;
	int	 rc;

	va_start(ap, fmt);
	rc = vasprintf(&out, fmt, ap);
	va_end(ap);
	return rc < 0 ? checked(NULL, 0) : out;
}
