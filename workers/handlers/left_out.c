/*
 * left_out.c - types whose library was left out when jobd was built.  They are listed like the
 * others, and say what is missing when they are called.  Runs in: workers.
 */
#include "workers/handlers/handlers.h"

#define LEFT_OUT(symbol, type, kind, where, option) \
	static void \
	say_##symbol(struct jobd_attempt *at) \
	{ \
		jobd_fail_as(at, &(struct jobd_failure){ .size = sizeof(struct jobd_failure), \
		    .message = type " is left out of this build (configure " option ")", \
		    .final = true }); \
	} \
	const struct jobd_handler handler_##symbol = { \
		.abi = JOBD_HANDLER_ABI, \
		.size = sizeof(struct jobd_handler), \
		.name = type, \
		.summary = "left out of this build (configure " option ")", \
		.traits = (kind) | JOBD_THREAD_SAFE, \
		.lanes = (where), \
		.run = say_##symbol, \
		.start = say_##symbol, \
	}

#if !defined(HAVE_LIBCURL)
LEFT_OUT(http_request, "http.request", JOBD_WAITS, JOBD_LANE_ASYNC, "--without-curl");
#endif
#if !defined(HAVE_ZSTD)
LEFT_OUT(file_compress, "file.compress", JOBD_CPU_BOUND, JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
    "--without-zstd");
LEFT_OUT(file_decompress, "file.decompress", JOBD_CPU_BOUND,
    JOBD_LANE_THREAD | JOBD_LANE_PROCESS, "--without-zstd");
#endif
#if !defined(HAVE_SQLITE) && !defined(HAVE_LIBPQ)
LEFT_OUT(sql_query, "sql.query", JOBD_WAITS, JOBD_LANE_THREAD,
    "--without-sqlite --without-libpq");
#endif
