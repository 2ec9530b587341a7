/* utf8.h - is this text UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stddef.h>

/* Length in bytes (1 to 4) of the valid sequence at p, or 0 when there is none within len bytes. */
size_t utf8_sequence(const char *p, size_t len);

#endif
