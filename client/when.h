/* when.h - a time of day or a date, as a person writes it. */
#ifndef CLIENT_WHEN_H
#define CLIENT_WHEN_H

#include <stdint.h>

/*
 * `HH:MM[:SS]` (the next one, local time), `YYYY-MM-DD[ HH:MM[:SS]]` (a T may stand for the blank;
 * local time, or with Z or +HH:MM the zone that it says), `@SECONDS` since the epoch.
 *
 *   now_ms	milliseconds since the epoch
 *
 * 0 and *out in milliseconds since the epoch, or -EINVAL.
 */
int when_parse(const char *text, int64_t now_ms, int64_t *out);

#endif
