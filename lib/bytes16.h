/*
 * bytes16.h - sixteen bytes of a text looked at at once.  Any process, any thread.
 *
 * The compiler's vectors, so each machine's own instructions, or plain ones where it has none.
 */
#ifndef LIB_BYTES16_H
#define LIB_BYTES16_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Of what is compared, each byte is 0xff where it holds and 0 where it does not. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline bytes16
bytes16_load(const char *p)
{
	bytes16	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
bytes16_store(char *p, bytes16 v)
{
	memcpy(p, &v, sizeof(v));
}

/* Where the first byte is that is not 0; 16: nowhere. */
static inline size_t
bytes16_first(bytes16 found)
{
	uint64_t	half[2];

	memcpy(half, &found, sizeof(half));
	if ((half[0] | half[1]) == 0)
		return sizeof(found);
	if (half[0] != 0)
		return (size_t)__builtin_ctzll(le64toh(half[0])) / 8;
	return 8 + (size_t)__builtin_ctzll(le64toh(half[1])) / 8;
}

#endif
