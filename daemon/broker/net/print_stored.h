/*
 * print_stored.h - jobs of history as JSON, as the store has them.
 */
#ifndef NET_PRINT_STORED_H
#define NET_PRINT_STORED_H

#include <stddef.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/store/store.h"
#include "lib/buf.h"

/*
 * An item of job.list, as print_job_row prints those of core.  0, or -1 with what is wrong with the
 * row in why[size]; it is printed as far as it can be read.
 */
int print_stored_row(struct buf *out, const struct broker *b, const struct store_row *row, bool attempts,
    char *why, size_t size);

#endif
