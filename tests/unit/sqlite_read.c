/* sqlite_read.c - queries: what they see, in what order, how much; copies that disturb nobody. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/core/job.h"
#include "daemon/broker/store/sqlite_read.h"
#include "daemon/broker/store/store.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#define SPAN(text)	{ (text), sizeof(text) - 1 }

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
    "CREATE TABLE job(id INTEGER PRIMARY KEY, spec BLOB, args BLOB, labels TEXT, past BLOB,"
    " log BLOB AS (NULL));"
    "CREATE TABLE history(id INTEGER PRIMARY KEY, state INTEGER, blocks INTEGER,"
    " created_ms INTEGER, ended_ms INTEGER, keep_ms INTEGER, type TEXT, queue TEXT, tenant TEXT,"
    " principal TEXT, grp INTEGER, idx INTEGER, spec BLOB, labels TEXT, past BLOB, failure BLOB,"
    " args BLOB, text BLOB, log BLOB AS (NULL));"
    "CREATE INDEX history_failed ON history (state) WHERE state = 4;"
    "CREATE INDEX history_group ON history (grp, idx, state) WHERE grp IS NOT NULL;";

struct fixture {
	char			 dir[64], file[96], copy[96];
	sqlite3			*db;
	struct sqlite_read	*r;
	int			 event;
};

static void
wake(void *ctx)
{
	uint64_t	one = 1;

	assert_int_equal(write(*(int *)ctx, &one, sizeof(one)), sizeof(one));
}

static void
run(struct fixture *f, const char *sql)
{
	char	*why = NULL;

	if (sqlite3_exec(f->db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

static int
set_up(void **state)
{
	struct fixture	*f = mem_zalloc(1, sizeof(*f));
	const char	*tmp = getenv("TMPDIR");
	char		 why[256] = "";

	snprintf(f->dir, sizeof(f->dir), "%.30s/jobd-read-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(f->dir) == NULL)
		return -1;
	snprintf(f->file, sizeof(f->file), "%s/jobs.db", f->dir);
	snprintf(f->copy, sizeof(f->copy), "%s/copy", f->dir);
	if (sqlite3_open(f->file, &f->db) != SQLITE_OK)
		return -1;
	run(f, schema);
	f->event = eventfd(0, EFD_CLOEXEC);
	if (sqlite_read_open(f->file, wake, &f->event, &f->r, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture	*f = *state;
	char		 command[128];

	sqlite_read_close(f->r);
	sqlite3_close(f->db);
	close(f->event);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	if (system(command) != 0)
		return -1;
	free(f);
	return 0;
}

/* Any answer; waits for it. */
static struct store_query *
wait_answer(struct fixture *f)
{
	struct store_query	*q;
	struct pollfd		 p = { .fd = f->event, .events = POLLIN };
	uint64_t		 count;

	while ((q = sqlite_read_answered(f->r)) == NULL) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		assert_int_equal(read(f->event, &count, sizeof(count)), sizeof(count));
	}
	return q;
}

static void
ask(struct fixture *f, struct store_query *q)
{
	sqlite_read_ask(f->r, q);
	assert_ptr_equal(wait_answer(f), q);
	if (q->result != STORE_OK)
		fail_msg("%s", q->why);
}

/* What was answered before goes; then again. */
static void
ask_again(struct fixture *f, struct store_query *q)
{
	store_query_fini(q);
	q->next = 0;
	ask(f, q);
}

static void
assert_span(struct span got, const char *wanted)
{
	if (got.len != strlen(wanted) || memcmp(got.p, wanted, got.len) != 0)
		fail_msg("'%.*s' is not '%s'", (int)got.len, got.p == NULL ? "" : got.p, wanted);
}

/* The ids of the rows, as words. */
static const char *
ids_of(const struct store_query *q)
{
	static char	text[4096];
	size_t		at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < q->rows_len; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu", i > 0 ? " " : "",
		    (unsigned long long)q->rows[i].id);
	return text;
}

static const char one_live[] =
    "INSERT INTO job VALUES (7, '{\"type\":\"echo\"}', '[1,2]', '{\"a\":\"b\"}', '{}')";
static const char some_history[] =
    "INSERT INTO history VALUES "
    "(1,3,0,100,110,0,'echo','mail','anna','uid:1',NULL,NULL,"
    "'{\"order_key\":\"k\\u0031\"}','{\"c\":\"d\"}','{}','','1','11'),"
    "(2,4,1,200,210,5,'echo','mail','bert','uid:2',NULL,NULL,'{}','','{}',"
    "'{\"kind\":\"error\",\"attempt\":2}','2','no\"t'),"
    "(3,5,0,300,310,0,'sleep','slow','anna','uid:1',9,1,'{}','','{}','','3','cancelled'),"
    "(4,3,0,400,410,0,'sleep','slow','anna','uid:1',9,0,'{}','','{}','','4','{\n\"x\": 1}'),"
    "(5,4,0,500,510,0,'sleep','slow','anna','uid:1',9,2,'{}',"
    "'{\"c\":\"d\",\"e\":\"f\"}','{}','{}','5','bad')";

/* ---- by id ---- */

static void
test_a_live_job_and_one_of_history_are_found_by_id(void **state)
{
	struct fixture		*f = *state;
	uint64_t		 ids[] = { 7, 99, 2 };
	struct store_query	 q = { .what = STORE_GET, .ids = ids, .ids_len = 3 };

	run(f, one_live);
	run(f, some_history);
	ask(f, &q);
	assert_int_equal(q.rows_len, 2);
	assert_int_equal(q.next, 0);
	assert_true(q.rows[0].live);
	assert_span(q.rows[0].spec, "{\"type\":\"echo\"}");
	assert_span(q.rows[0].args, "[1,2]");
	assert_span(q.rows[0].labels, "{\"a\":\"b\"}");
	assert_false(q.rows[1].live);
	assert_int_equal(q.rows[1].end.state, JOB_failed);
	assert_true(q.rows[1].end.blocks);
	assert_int_equal(q.rows[1].end.created_ms, 200);
	assert_int_equal(q.rows[1].end.ended_ms, 210);
	assert_int_equal(q.rows[1].end.keep_ms, 5);
	assert_span(q.rows[1].end.tenant, "bert");
	assert_span(q.rows[1].end.principal, "uid:2");
	assert_span(q.rows[1].end.text, "no\"t");
	assert_span(q.rows[1].end.failure, "{\"kind\":\"error\",\"attempt\":2}");
	assert_span(q.rows[1].args, "2");
	store_query_fini(&q);
}

static void
test_a_query_sees_what_was_committed_before_it(void **state)
{
	struct fixture		*f = *state;
	uint64_t		 id;
	struct store_query	 q = { .what = STORE_STATES, .ids = &id, .ids_len = 1 };
	char			 sql[80];

	for (id = 1; id <= 200; id++) {
		snprintf(sql, sizeof(sql), "INSERT INTO job VALUES (%d,'{}','','','')", (int)id);
		run(f, sql);
		ask(f, &q);
		assert_int_equal(q.rows_len, 1);
		assert_true(q.rows[0].live);
		store_query_fini(&q);
	}
}

static void
test_args_come_as_far_as_the_bytes_allow_and_then_the_rest(void **state)
{
	struct fixture		*f = *state;
	uint64_t		 ids[100];
	struct store_query	 q = { .what = STORE_ARGS, .ids = ids, .ids_len = 100,
				       .bytes = 4000 };
	uint32_t		 total = 0;

	for (int i = 0; i < 100; i++)
		ids[i] = (uint64_t)i + 1;
	run(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100)"
	    " INSERT INTO job SELECT i, '{}', printf('%.*c', 300, 'x'), '', '' FROM n");
	do {
		ask_again(f, &q);
		assert_in_range(q.rows_len, 1, 14);
		for (uint32_t i = 0; i < q.rows_len; i++) {
			assert_int_equal(q.rows[i].id, q.ids[i]);
			assert_int_equal(q.rows[i].args.len, 300);
			assert_memory_equal(q.rows[i].args.p, "xxxxxx", 6);
		}
		total += q.rows_len;
		q.ids += q.next;
		q.ids_len = q.next == 0 ? 0 : q.ids_len - (uint32_t)q.next;
	} while (q.next != 0);
	assert_int_equal(total, 100);
	store_query_fini(&q);
}

/* ---- lists ---- */

static void
test_history_is_listed_newest_first_a_page_at_a_time(void **state)
{
	struct fixture		*f = *state;
	struct store_query	 q = { .what = STORE_LIST, .filter.state = -1, .limit = 2 };

	run(f, some_history);
	ask(f, &q);
	assert_string_equal(ids_of(&q), "5 4");
	assert_null(q.rows[0].args.p);
	assert_int_equal(q.rows[0].args.len, 1);
	assert_int_equal(q.rows[1].end.text.len, strlen("{\n\"x\": 1}"));
	q.before = q.next;
	ask_again(f, &q);
	assert_string_equal(ids_of(&q), "3 2");
	q.before = q.next;
	ask_again(f, &q);
	assert_string_equal(ids_of(&q), "1");
	assert_int_equal(q.next, 0);
	store_query_fini(&q);
}

static void
test_each_member_of_a_filter_narrows(void **state)
{
	static const struct store_label	both[] = {
		{ SPAN("c"), SPAN("d") }, { SPAN("e"), SPAN("f") }
	};
	struct fixture			*f = *state;
	const struct {
		struct store_filter	 filter;
		const char		*ids;
	} rows[] = {
		{ { .state = -1 }, "5 4 3 2 1" },
		{ { .state = JOB_failed }, "5 2" },
		{ { .state = JOB_succeeded }, "4 1" },
		{ { .state = -1, .type = SPAN("echo") }, "2 1" },
		{ { .state = -1, .type = SPAN("ech") }, "" },
		{ { .state = -1, .queue = SPAN("slow") }, "5 4 3" },
		{ { .state = -1, .tenant = SPAN("bert") }, "2" },
		{ { .state = -1, .principal = SPAN("uid:1") }, "5 4 3 1" },
		{ { .state = -1, .order_key = SPAN("k1") }, "1" },
		{ { .state = -1, .group = 9 }, "5 4 3" },
		{ { .state = -1, .since_ms = 300 }, "5 4 3" },
		{ { .state = -1, .since_ms = 200, .until_ms = 400 }, "4 3 2" },
		{ { .state = -1, .labels = &both[0], .labels_len = 1 }, "5 1" },
		{ { .state = -1, .labels = &both[1], .labels_len = 1 }, "5" },
		{ { .state = -1, .labels = both, .labels_len = 2 }, "5" },
		{ { .state = JOB_failed, .queue = SPAN("mail") }, "2" },
	};

	run(f, some_history);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct store_query	q = { .what = STORE_LIST, .filter = rows[i].filter };

		ask(f, &q);
		assert_string_equal(ids_of(&q), rows[i].ids);
		store_query_fini(&q);
	}
}

static void
test_a_list_looks_at_so_many_jobs_and_says_where_to_go_on(void **state)
{
	struct fixture		*f = *state;
	struct store_query	 q = { .what = STORE_LIST, .filter = { .state = -1,
				       .tenant = SPAN("rare") } };
	int			 pages = 0;

	run(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000)"
	    " INSERT INTO history SELECT i,3,0,i,i,0,'echo','q',iif(i=3,'rare','t'),'p',NULL,NULL,"
	    "'{}','','','','','' FROM n");
	do {
		ask_again(f, &q);
		pages++;
		if (q.next != 0) {
			assert_int_equal(q.rows_len, 0);
			q.before = q.next;
		}
	} while (q.next != 0);
	assert_string_equal(ids_of(&q), "3");
	assert_int_equal(pages, 4);
	store_query_fini(&q);
}

static void
test_members_come_by_index_from_any(void **state)
{
	struct fixture		*f = *state;
	struct store_query	 q = { .what = STORE_MEMBERS, .group = 9, .limit = 2 };

	run(f, some_history);
	ask(f, &q);
	assert_string_equal(ids_of(&q), "4 3");
	assert_int_equal(q.next, 2);
	q.from = 2;
	ask_again(f, &q);
	assert_string_equal(ids_of(&q), "5");
	assert_int_equal(q.next, 3);
	q.group = 10;
	ask_again(f, &q);
	assert_int_equal(q.rows_len, 0);
	q.group = 0;
	ask_again(f, &q);
	assert_int_equal(q.rows_len, 0);
	store_query_fini(&q);
}

/* ---- copies ---- */

static void
test_outcomes_of_a_group_are_written_a_line_each(void **state)
{
	struct fixture		*f = *state;
	struct store_query	 q = { .what = STORE_REDUCE, .group = 9, .path = f->copy };
	char			*text;
	size_t			 len;

	run(f, some_history);
	ask(f, &q);
	assert_int_equal(q.next, 3);
	text = fd_read_file(f->copy, 4096, &len);
	assert_non_null(text);
	assert_string_equal(text,
	    "{\"index\":0,\"id\":4,\"state\":\"succeeded\",\"result\":{ \"x\": 1}}\n"
	    "{\"index\":1,\"id\":3,\"state\":\"cancelled\",\"reason\":\"cancelled\"}\n"
	    "{\"index\":2,\"id\":5,\"state\":\"failed\",\"failure\":{\"kind\":\"error\",\"message\":\"bad\"}}\n");
	free(text);
	store_query_fini(&q);
}

#define MANY	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000)" \
		" INSERT INTO job SELECT i, '{}', printf('%.*c', 1000, 'x'), '', '' FROM n"

static int
count_in(const char *path, const char *sql)
{
	sqlite3		*db;
	sqlite3_stmt	*st;
	int		 n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_type(st, 0) == SQLITE_INTEGER ? sqlite3_column_int(st, 0) :
	    strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0 ? 1 : -1;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void
test_a_backup_is_what_was_committed_when_it_began(void **state)
{
	struct fixture		*f = *state;
	uint64_t		 id = 20001;
	struct store_query	 q = { .what = STORE_BACKUP, .path = f->copy };
	struct store_query	 other = { .what = STORE_STATES, .ids = &id, .ids_len = 1 };
	struct store_query	*first;
	int			 meanwhile = 0;
	char			 sql[80];
	struct stat		 st;

	run(f, MANY);
	sqlite_read_ask(f->r, &q);
	for (;; id++, meanwhile++) {
		snprintf(sql, sizeof(sql), "INSERT INTO job VALUES (%d,'{}','','','')", (int)id);
		run(f, sql);
		store_query_fini(&other);
		sqlite_read_ask(f->r, &other);
		if ((first = wait_answer(f)) == &q)
			break;
		assert_int_equal(other.rows_len, 1);	/* others see what is new */
	}
	assert_ptr_equal(wait_answer(f), &other);
	assert_int_equal(q.result, STORE_OK);
	assert_true(meanwhile > 3);
	assert_int_equal(stat(f->copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_in(f->copy, "PRAGMA integrity_check"), 1);
	assert_in_range(count_in(f->copy, "SELECT count(*) FROM job"), 20000, 20002);
	store_query_fini(&other);
}

static void
refused(struct fixture *f, const char *path, int error)
{
	struct store_query	q = { .what = STORE_BACKUP, .path = path };

	sqlite_read_ask(f->r, &q);
	assert_ptr_equal(wait_answer(f), &q);
	assert_int_equal(q.result, STORE_UNAVAIL);
	assert_int_equal(q.error, error);
	assert_non_null(strstr(q.why, strerror(error)));
}

static void
test_a_backup_takes_nobody_elses_place(void **state)
{
	struct fixture		*f = *state;
	struct store_query	 q = { .what = STORE_BACKUP, .path = f->copy };
	char			 inside[128], nowhere[128], partial[128];

	snprintf(nowhere, sizeof(nowhere), "%s/none/copy", f->dir);
	snprintf(inside, sizeof(inside), "%s/copy", f->file);
	snprintf(partial, sizeof(partial), "%s.partial", f->copy);
	refused(f, f->file, EEXIST);
	refused(f, nowhere, ENOENT);
	refused(f, inside, ENOTDIR);
	assert_int_equal(symlink("/nowhere", f->copy), 0);
	refused(f, f->copy, EEXIST);
	unlink(f->copy);
	assert_int_equal(symlink(f->file, partial), 0);	/* what another broker left, or somebody */
	ask(f, &q);
	assert_int_equal(access(partial, F_OK), -1);
	assert_int_equal(count_in(f->file, "PRAGMA integrity_check"), 1);
	refused(f, f->copy, EEXIST);
}

static void
test_an_end_in_the_middle_of_a_backup_leaves_nothing(void **state)
{
	struct fixture		*f = *state;
	uint64_t		 id = 1;
	struct store_query	 q = { .what = STORE_BACKUP, .path = f->copy };
	struct store_query	 other = { .what = STORE_STATES, .ids = &id, .ids_len = 1 };
	char			 partial[128];

	snprintf(partial, sizeof(partial), "%s.partial", f->copy);
	run(f, MANY);
	sqlite_read_ask(f->r, &q);
	ask(f, &other);		/* it has begun, and has 20 MB to go */
	sqlite_read_close(f->r);
	f->r = NULL;
	assert_int_equal(access(partial, F_OK), -1);
	assert_int_equal(access(f->copy, F_OK), -1);
	store_query_fini(&other);
}

static void
test_a_database_that_is_none_is_said_to_be_so(void **state)
{
	struct fixture	*f = *state;
	uint64_t	 id = 1;
	struct store_query q = { .what = STORE_GET, .ids = &id, .ids_len = 1 };

	run(f, "DROP TABLE history");
	sqlite_read_ask(f->r, &q);
	assert_ptr_equal(wait_answer(f), &q);
	assert_int_equal(q.result, STORE_UNAVAIL);
	assert_non_null(strstr(q.why, "history"));
	assert_int_equal(q.rows_len, 0);
	store_query_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_a_live_job_and_one_of_history_are_found_by_id),
		T(test_a_query_sees_what_was_committed_before_it),
		T(test_args_come_as_far_as_the_bytes_allow_and_then_the_rest),
		T(test_history_is_listed_newest_first_a_page_at_a_time),
		T(test_each_member_of_a_filter_narrows),
		T(test_a_list_looks_at_so_many_jobs_and_says_where_to_go_on),
		T(test_members_come_by_index_from_any),
		T(test_outcomes_of_a_group_are_written_a_line_each),
		T(test_a_backup_is_what_was_committed_when_it_began),
		T(test_a_backup_takes_nobody_elses_place),
		T(test_an_end_in_the_middle_of_a_backup_leaves_nothing),
		T(test_a_database_that_is_none_is_said_to_be_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
