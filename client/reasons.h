/* reasons.h - why a job is in its state, in words. */
#ifndef CLIENT_REASONS_H
#define CLIENT_REASONS_H

/*
 * The words for a reason's name on the wire; the name itself when a newer daemon has one that we
 * lack.
 */
const char *reason_words(const char *name);

#endif
