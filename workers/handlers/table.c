/* table.c - the types that this worker has.  Runs in: workers. */
#include "workers/handlers/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "workers/schema.h"
#if defined(HAVE_LIBCURL)
#include "workers/handlers/http_multi.h"
#endif

static const struct jobd_handler *const built_in[] = {
	&handler_echo,
	&handler_sleep,
	&handler_file_digest,
	&handler_file_copy,
	&handler_file_read,
	&handler_file_write,
	&handler_file_compress,
	&handler_file_decompress,
	&handler_http_request,
	&handler_dns_lookup,
	&handler_tcp_check,
	&handler_sql_query,
	&handler_bench_cpu,
	&handler_bench_io,
	&handler_bench_says_waits,
	&handler_bench_says_computes,
	&handler_bench_blocks,
};

static struct handler_entry	*entries;	/* written at start only, then read by all threads */
static size_t			 entries_count;

int
handlers_add_from(const char *plugin, const struct jobd_handler *h, char *why, size_t size)
{
	struct schema	*schema = NULL;
	char		 wrong[512];

	if (handler_find(h->name, strlen(h->name)) != NULL) {
		snprintf(why, size, "type %s: there is one of this name already", h->name);
		return -EEXIST;
	}
	if (h->args_schema != NULL &&
	    (schema = schema_compile(h->args_schema, wrong, sizeof(wrong))) == NULL) {
		snprintf(why, size, "type %s: args_schema: %s", h->name, wrong);
		return -EINVAL;
	}
	entries = mem_resize(entries, entries_count + 1, sizeof(*entries));
	entries[entries_count++] = (struct handler_entry){ h, schema, plugin };
	return 0;
}

int
handlers_add(const struct jobd_handler *h, char *why, size_t size)
{
	return handlers_add_from(NULL, h, why, size);
}

size_t
handlers_count(void)
{
	return entries_count;
}

void
handlers_keep(size_t count)
{
	while (entries_count > count)
		schema_free(entries[--entries_count].schema);
}

int
handlers_init(char *why, size_t size)
{
	int	rc = 0;

	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]) && rc == 0; i++)
		rc = handlers_add(built_in[i], why, size);
	return rc;
}

void
handlers_fini(void)
{
	handlers_keep(0);
	free(entries);
	entries = NULL;
}

void
handlers_loop_ends(void)
{
#if defined(HAVE_LIBCURL)
	http_loop_ends();
#endif
}

const struct handler_entry *
handler_next(size_t *at)
{
	return *at < entries_count ? &entries[(*at)++] : NULL;
}

const struct handler_entry *
handler_find(const char *name, size_t len)
{
	for (size_t i = 0; i < entries_count; i++) {
		const char	*known = entries[i].handler->name;

		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return &entries[i];
	}
	return NULL;
}
