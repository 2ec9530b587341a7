/*
 * unique_print.h - a submission in 40 bytes, to tell later whether another one is the same.
 *
 * The same is what says the same in every member of a job but durability, defaults included: JSON is
 * compared as text without the white space between its tokens, so the order of an object's members
 * counts.  The hash is SHA-256, cut: it is kept on disk, and compared by later versions.
 */
#ifndef BROKER_UNIQUE_PRINT_H
#define BROKER_UNIQUE_PRINT_H

#include "daemon/broker/core/unique.h"
#include "proto/jobspec.h"

void unique_print_make(const struct jobspec *spec, struct unique_print *out);
/* Which member makes them different: "" when that is not known; NULL: they are the same. */
const char *unique_print_differs(const struct unique_print *a, const struct unique_print *b);

#endif
