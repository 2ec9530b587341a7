/* explain_page.h - the answer of job.explain, for people. */
#ifndef CLIENT_EXPLAIN_PAGE_H
#define CLIENT_EXPLAIN_PAGE_H

#include "lib/buf.h"
#include "proto/rpc.h"

void explain_page_print(struct span explanation, struct buf *out);

#endif
