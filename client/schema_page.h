/* schema_page.h - what a type takes, as rows of a table. */
#ifndef CLIENT_SCHEMA_PAGE_H
#define CLIENT_SCHEMA_PAGE_H

#include "client/print.h"
#include "proto/rpc.h"

/* Two cells a row: `args.ms`, `integer 0 to 10, required`.  schema: as type.show has it. */
void schema_page(struct table *t, struct span schema);

#endif
