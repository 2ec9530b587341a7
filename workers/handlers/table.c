/* table.c - the types that are built in.  Runs in: workers. */
#include "workers/handlers/handlers.h"

#include <string.h>

static const struct jobd_handler *const handlers[] = {
	&handler_echo,
	&handler_sleep,
	&handler_file_digest,
	&handler_file_copy,
	&handler_bench_cpu,
	&handler_bench_io,
};

const struct jobd_handler *
handler_next(size_t *at)
{
	return *at < sizeof(handlers) / sizeof(handlers[0]) ? handlers[(*at)++] : NULL;
}

const struct jobd_handler *
handler_find(const char *name, size_t len)
{
	const struct jobd_handler	*h;
	size_t				 at = 0;

	while ((h = handler_next(&at)) != NULL)
		if (strlen(h->name) == len && memcmp(h->name, name, len) == 0)
			return h;
	return NULL;
}
