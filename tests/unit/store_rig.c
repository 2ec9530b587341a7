/* store_rig.c - a store in a directory of its own, and operations one at a time. */
#include "tests/unit/store_rig.h"

#include <dirent.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/core/job.h"
#include "lib/alloc.h"

static struct store_rig *
rig_new(void)
{
	struct store_rig	*r = mem_zalloc(1, sizeof(*r));
	const char		*tmp = getenv("TMPDIR");

	snprintf(r->dir, sizeof(r->dir), "%.40s/jobd-store-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(r->dir) == NULL)
		fail_msg("no directory");
	snprintf(r->file, sizeof(r->file), "%s/jobs.db", r->dir);
	r->cfg = (struct store_config){ .state_dir = r->dir, .reserve_bytes = 64 * 1024, .sync = true };
	return r;
}

int
store_rig_set_up(void **state)
{
	struct store_rig	*r = rig_new();

	rig_open(r);
	*state = r;
	return 0;
}

int
store_rig_set_up_memory(void **state)
{
	struct store_rig	*r = rig_new();

	r->memory = true;
	rig_open(r);
	*state = r;
	return 0;
}

int
store_rig_tear_down(void **state)
{
	struct store_rig	*r = *state;
	DIR			*d;
	struct dirent		*e;

	rig_close(r);
	chmod(r->dir, 0700);
	d = opendir(r->dir);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(r->dir);
	free(r);
	return 0;
}

void
rig_open(struct store_rig *r)
{
	char	why[256] = "";
	int	rc = r->memory ? store_open_memory(r->dir, &r->s, why, sizeof(why)) :
	    store_open_sqlite(&r->cfg, &r->s, why, sizeof(why));

	if (rc != 0)
		fail_msg("%s", why);
}

void
rig_close(struct store_rig *r)
{
	store_close(r->s);
	r->s = NULL;
}

void
rig_reopen(struct store_rig *r)
{
	rig_close(r);
	rig_open(r);
}

static void
wait_readable(const struct store_rig *r)
{
	struct pollfd	p = { .fd = store_fd(r->s), .events = POLLIN };

	assert_int_equal(poll(&p, 1, 60000), 1);
}

struct store_op *
rig_next_done(struct store_rig *r)
{
	struct store_op	*op;

	while ((op = store_done(r->s)) == NULL)
		wait_readable(r);
	return op;
}

enum store_result
rig_do(struct store_rig *r, struct store_op *op)
{
	store_put(r->s, op);
	store_publish(r->s);
	assert_ptr_equal(rig_next_done(r), op);
	return op->result;
}

void
rig_ask(struct store_rig *r, struct store_query *q)
{
	struct store_query	*back;

	store_ask(r->s, q);
	while ((back = store_answered(r->s)) == NULL)
		wait_readable(r);
	assert_ptr_equal(back, q);
}

struct store_found
rig_next_found(struct store_rig *r)
{
	struct store_found	found;
	char			why[256] = "";
	int			rc;

	while ((rc = store_next_found(r->s, &found, why, sizeof(why))) == 0)
		wait_readable(r);
	if (rc < 0)
		fail_msg("%s", why);
	return found;
}

struct store_op
rig_add(uint64_t id)
{
	return (struct store_op){
		.verb = STORE_ADD, .id = id, .spec = SPAN("{\"type\":\"noop\"}"),
		.args = SPAN("[1,2]"), .labels = SPAN("{\"a\":\"b\"}"),
	};
}

struct store_op
rig_end(uint64_t id, uint8_t state)
{
	struct store_op	op = {
		.verb = STORE_END, .id = id, .past = SPAN("{\"attempts\":1}"),
		.end = {
			.state = state, .created_ms = 1000, .ended_ms = 2000, .type = SPAN("noop"),
			.queue = SPAN("default"), .text = SPAN("\"done\""),
		},
	};

	if (state == JOB_failed)
		op.end.failure = SPAN("{\"kind\":\"handler_error\"}");
	return op;
}

void
rig_select(const struct store_rig *r, const char *sql, char *out, size_t size)
{
	sqlite3		*db = NULL;
	sqlite3_stmt	*st = NULL;
	const void	*text;

	if (sqlite3_open_v2(r->file, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(db, 10000) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	out[0] = '\0';
	if (sqlite3_step(st) == SQLITE_ROW && (text = sqlite3_column_blob(st, 0)) != NULL)
		snprintf(out, size, "%.*s", sqlite3_column_bytes(st, 0), (const char *)text);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

void
rig_assert_select(const struct store_rig *r, const char *sql, const char *expected)
{
	char	got[1024];

	rig_select(r, sql, got, sizeof(got));
	if (strcmp(got, expected) != 0)
		fail_msg("%s: `%s', not `%s'", sql, got, expected);
}
