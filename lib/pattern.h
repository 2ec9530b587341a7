/* pattern.h - POSIX extended regular expressions that are somebody else's to write. */
#ifndef LIB_PATTERN_H
#define LIB_PATTERN_H

#include <regex.h>

#define PATTERN_DEPTH	32	/* of its parentheses */

/*
 * As regcomp with REG_EXTENDED | REG_NOSUB, but for patterns with which that would take all memory or
 * time: what is repeated is multiplied out there, and repetitions inside each other are multiplied
 * with each other.
 *
 * NULL, and *out is to be given to regfree; or what is wrong, to follow the pattern's name: "must be
 * a POSIX extended regular expression".
 */
const char *pattern_compile(const char *text, regex_t *out);

#endif
