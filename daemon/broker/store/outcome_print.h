/*
 * outcome_print.h - the outcome of a job of history as job.call and group.results say it.
 */
#ifndef STORE_OUTCOME_PRINT_H
#define STORE_OUTCOME_PRINT_H

#include <stdbool.h>

#include "daemon/broker/store/store.h"
#include "lib/buf.h"

/*
 * `{"id":42,"state":"succeeded","result":...}`, with `"index":7,` before it when it is a member's.
 * Of a result or of a failure's data that has more than room bytes only the length is said.
 */
void outcome_print(struct buf *out, const struct store_row *row, bool member, size_t room);

#endif
