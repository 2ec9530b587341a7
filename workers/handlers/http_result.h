/* http_result.h - what is told of an HTTP response. */
#ifndef HANDLERS_HTTP_RESULT_H
#define HANDLERS_HTTP_RESULT_H

#include <curl/curl.h>

#include "workers/handlers/bytes.h"

struct http_result {
	CURL		*easy;		/* the finished transfer */
	const char	*file;		/* where the body is; NULL: in body */
	const struct buf *body;
	enum bytes_as	 as;
	uint64_t	 bytes;		/* of the body, wherever it is */
	int64_t		 since_ns;	/* CLOCK_MONOTONIC, when it began */
};

long http_status(CURL *easy);
/* A JSON object.  False: the body was to be text, and it is none. */
bool http_result_print(const struct http_result *r, struct buf *out);

#endif
