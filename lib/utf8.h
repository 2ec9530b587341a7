/* utf8.h - is this text UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length in bytes (1 to 4) of the valid sequence at p, or 0 when there is none within len bytes. */
size_t utf8_sequence(const char *p, size_t len);

/* Bytes at the beginning of p that are whole, valid sequences: len when all of it is UTF-8. */
size_t utf8_prefix(const char *p, size_t len);
/*
 * Does the text, which is no longer UTF-8 from here on, end within a sequence that is right so far?
 * More bytes could make it whole.
 */
bool utf8_is_cut(const char *p, size_t len);

#endif
