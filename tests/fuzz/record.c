/* record.c - libFuzzer target: a job as a store might hold it, into core: a spec, and behind NULs a past
 * and a failure.  An odd first byte is a live job. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/store/record.h"
#include "lib/alloc.h"

static struct span
next_text(const char **at, const char *end)
{
	const char	*nul = *at == end ? NULL : memchr(*at, '\0', (size_t)(end - *at));
	struct span	 s = { *at, (size_t)((nul == NULL ? end : nul) - *at) };

	*at = nul == NULL ? end : nul + 1;
	return s;
}

static void
into_core(struct job_record *rec)
{
	static const struct core_config	cfg = {
		.keep_finished_ms = 1000, .keep_finished = 10, .keep_finished_bytes = 1 << 20,
		.keep_failed_ms = 1000, .max_waiting = 10, .max_waiting_bytes = 1 << 20,
		.retry = { .said = 15, .max_attempts = 2, .backoff_ms = 1, .factor = 1000,
		    .max_backoff_ms = 1 },
	};
	struct core_time		now = { .mono_ns = INT64_C(1) << 40, .real_ms = 1700000000000 };
	struct core			*c = core_new(&cfg);
	struct effect			 e;

	rec->saved.type = core_type_get(c, rec->type, core_pool_get(c, rec->pool));
	rec->saved.by = submitter_new("p", "", "");
	core_restore(c, now, &rec->saved);
	core_check(c);
	for (int i = 0; i < 10 && core_next_effect(c, now, &e); i++)
		continue;
	submitter_unref(rec->saved.by);
	core_free(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char		*at = (const char *)data + 1, *end = (const char *)data + size;
	struct store_row	 row = { .id = 1, .args = { "1", 1 } };
	struct job_record	 rec;
	char			 why[200] = "";

	if (size == 0)
		return 0;
	row.live = (data[0] & 1) != 0;
	row.end.state = data[0] >> 4;
	row.spec = next_text(&at, end);
	row.past = next_text(&at, end);
	row.end.failure = next_text(&at, end);
	if (record_read(&row, &rec, why, sizeof(why)) == 0)
		into_core(&rec);
	else
		require(why[0] != '\0');
	record_fini(&rec);
	return 0;
}
