/* handlers.h - the types that are built in: one file each, one row each in table.c. */
#ifndef HANDLERS_HANDLERS_H
#define HANDLERS_HANDLERS_H

#include "workers/handler.h"

extern const struct jobd_handler handler_echo;		/* echo.c */
extern const struct jobd_handler handler_sleep;		/* sleep.c */
extern const struct jobd_handler handler_file_digest;	/* file_digest.c */
extern const struct jobd_handler handler_file_copy;	/* file_copy.c */
extern const struct jobd_handler handler_bench_cpu;	/* bench_cpu.c */
extern const struct jobd_handler handler_bench_io;	/* bench_io.c */

/* NULL when there is none of this name. */
const struct jobd_handler *handler_find(const char *name, size_t len);
/* Walk: *at starts at 0; NULL at the end. */
const struct jobd_handler *handler_next(size_t *at);

#endif
