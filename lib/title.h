/*
 * title.h - what ps(1) shows: the process's argv overwritten in place.
 *
 * The room is what argv had at exec; the starter pads argv (TITLE_PAD) so that there is enough, and where
 * it is a person who did not, some of the environment moves away for it.  Cheap enough for every job: one copy, no system call.
 */
#ifndef LIB_TITLE_H
#define LIB_TITLE_H

/* An argument of this many spaces, last in argv, is padding: title_init takes it off. */
#define TITLE_PAD_BYTES	96

/* Call before argv is read; *argc loses the padding argument if there is one. */
void title_init(int *argc, char **argv);
void title_set(const char *text);

#endif
