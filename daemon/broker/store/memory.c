/* memory.c - the store of a daemon whose jobs die with it: remembers ids, and nothing of the jobs.
 * Runs in: broker, loop thread. */
#include "daemon/broker/store/store.h"

#include <stdlib.h>

#include "daemon/broker/store/ids.h"
#include "lib/alloc.h"

struct store {
	struct ids	*ids;
};

int
store_open_memory(const char *state_dir, struct store **out, char *why, size_t size)
{
	struct ids	*ids;
	int		 rc;

	if ((rc = ids_open(state_dir, &ids, why, size)) != 0)
		return rc;
	*out = mem_zalloc(1, sizeof(**out));
	(*out)->ids = ids;
	return 0;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	ids_close(s->ids);
	free(s);
}

uint32_t
store_boot(const struct store *s)
{
	return ids_boot(s->ids);
}

uint64_t
store_next_id(struct store *s)
{
	return ids_next(s->ids);
}

/* Nothing outlives the process, so all of it is remembered already: core has it. */
enum store_result
store_append(struct store *s, const struct job *j)
{
	(void)s;
	(void)j;
	return STORE_OK;
}

enum store_result
store_finish(struct store *s, const struct job *j)
{
	(void)s;
	(void)j;
	return STORE_OK;
}
