/* handlers.h - the types of this worker; those built in: one file each, one row each in table.c. */
#ifndef HANDLERS_HANDLERS_H
#define HANDLERS_HANDLERS_H

#include "workers/handler.h"

extern const struct jobd_handler handler_echo;		/* echo.c */
extern const struct jobd_handler handler_sleep;		/* sleep.c */
extern const struct jobd_handler handler_file_digest;	/* file_digest.c */
extern const struct jobd_handler handler_file_copy;	/* file_copy.c */
extern const struct jobd_handler handler_file_read;	/* file_read.c */
extern const struct jobd_handler handler_file_write;	/* file_write.c */
extern const struct jobd_handler handler_file_compress;	/* file_compress.c */
extern const struct jobd_handler handler_file_decompress;
extern const struct jobd_handler handler_http_request;	/* http_request.c */
extern const struct jobd_handler handler_dns_lookup;	/* dns_lookup.c */
extern const struct jobd_handler handler_tcp_check;	/* tcp_check.c */
extern const struct jobd_handler handler_sql_query;	/* sql_query.c */
extern const struct jobd_handler handler_bench_cpu;	/* bench_cpu.c */
extern const struct jobd_handler handler_bench_io;	/* bench_io.c */
extern const struct jobd_handler handler_bench_says_waits;	/* bench_says.c */
extern const struct jobd_handler handler_bench_says_computes;	/* bench_says.c */
extern const struct jobd_handler handler_bench_blocks;		/* bench_says.c */

struct handler_entry {
	const struct jobd_handler	*handler;
	struct schema			*schema;	/* of its args_schema; NULL: anything */
	const char			*plugin;	/* whose it is; NULL: built in */
};

/* The types that are built in.  At start, before there are threads.  0 or as handlers_add. */
int handlers_init(char *why, size_t size);
/* One more type; h is lent.  0; -EEXIST, -EINVAL with a sentence in why[size]. */
int handlers_add(const struct jobd_handler *h, char *why, size_t size);
/* The same for a type of a plugin, whose name is lent. */
int handlers_add_from(const char *plugin, const struct jobd_handler *h, char *why, size_t size);
size_t handlers_count(void);
/* Takes away all but the first so many. */
void handlers_keep(size_t count);
void handlers_fini(void);

/* The loop is about to end, and no attempt is running: lets go what handlers kept in it. */
void handlers_loop_ends(void);

/* NULL when there is none of this name. */
const struct handler_entry *handler_find(const char *name, size_t len);
/* Walk: *at starts at 0; NULL at the end. */
const struct handler_entry *handler_next(size_t *at);

#endif
