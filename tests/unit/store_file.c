/* store_file.c - the SQLite engine's file: who may open it, what it was, what is left of it. */
#include "tests/unit/store_model.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/core/job.h"
#include "daemon/broker/store/sqlite.h"
#include "lib/alloc.h"
#include "lib/fd.h"

/* ---- help ---- */

/* A rig whose store is not open, and was never. */
static int
set_up_closed(void **state)
{
	struct store_rig	*r;

	store_rig_set_up(state);
	r = *state;
	rig_close(r);
	assert_int_equal(unlink(r->file), 0);
	return 0;
}

static void
assert_refused(struct store_rig *r, int error, const char *words)
{
	char	why[512] = "";
	int	rc = store_open_sqlite(&r->cfg, &r->s, why, sizeof(why));

	if (rc != -error || strstr(why, words) == NULL)
		fail_msg("%d, not %d: %s", rc, -error, why);
	r->s = NULL;
	assert_non_null(strstr(why, r->dir));
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, len), 0);
	close(fd);
}

static void
run_sql(const char *path, const char *sql)
{
	sqlite3	*db;
	char	*why = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static mode_t
mode_of(const struct store_rig *r, const char *name)
{
	char		path[128];
	struct stat	st;

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	if (stat(path, &st) != 0)
		fail_msg("%s: %s", path, strerror(errno));
	return st.st_mode & 07777;
}

static off_t
size_of(const struct store_rig *r, const char *name)
{
	char		path[128];
	struct stat	st;

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

static void
copy_file(const struct store_rig *from, const struct store_rig *to, const char *name)
{
	char	a[128], b[128], *bytes;
	size_t	len;

	snprintf(a, sizeof(a), "%s/%s", from->dir, name);
	snprintf(b, sizeof(b), "%s/%s", to->dir, name);
	if ((bytes = fd_read_file(a, 1 << 28, &len)) == NULL)
		fail_msg("%s: %s", a, strerror(errno));
	write_file(b, bytes, len);
	free(bytes);
}

/* ---- who may open it ---- */

static void
test_what_is_no_database_is_refused_and_left_as_it_is(void **state)
{
	struct store_rig	*r = *state;
	char			 text[8192], *now;

	memset(text, 'x', sizeof(text));
	write_file(r->file, text, sizeof(text));
	assert_refused(r, EBADMSG, "is not a database of jobd");
	assert_non_null(now = fd_read_file(r->file, sizeof(text), NULL));
	assert_memory_equal(now, text, sizeof(text));
	free(now);
}

static void
test_another_programs_database_is_refused(void **state)
{
	struct store_rig	*r = *state;

	run_sql(r->file, "CREATE TABLE t (a)");
	assert_refused(r, EINVAL, "is a database of another program");
	run_sql(r->file, "DROP TABLE t; PRAGMA application_id = 5");
	assert_refused(r, EINVAL, "is a database of another program");
	rig_assert_select(r, "PRAGMA journal_mode", "delete");
}

static void
test_a_newer_version_is_refused_by_number(void **state)
{
	struct store_rig	*r = *state;

	rig_open(r);
	rig_close(r);
	run_sql(r->file, "PRAGMA user_version = 1000");
	assert_refused(r, EPROTO, "has schema version 1000");
}

static void
test_a_directory_and_a_link_are_refused(void **state)
{
	struct store_rig	*r = *state;
	char			 elsewhere[128];

	assert_int_equal(mkdir(r->file, 0700), 0);
	assert_refused(r, EISDIR, "Is a directory");
	assert_int_equal(rmdir(r->file), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", r->dir);
	assert_int_equal(symlink(elsewhere, r->file), 0);
	assert_refused(r, ELOOP, "symbolic links");
	assert_int_equal(access(elsewhere, F_OK), -1);
}

static void
test_a_directory_that_is_not_there_is_named(void **state)
{
	struct store_rig	*r = *state;
	char			 dir[96];

	snprintf(dir, sizeof(dir), "%s/none", r->dir);
	r->cfg.state_dir = dir;
	assert_refused(r, ENOENT, "none/jobs.db");
}

static void
test_a_file_that_this_user_may_not_write_is_refused(void **state)
{
	struct store_rig	*r = *state;
	uid_t			 before = geteuid();

	rig_open(r);
	rig_close(r);
	assert_int_equal(chmod(r->dir, 0755), 0);
	assert_int_equal(chmod(r->file, 0444), 0);
	if (before == 0)
		assert_int_equal(seteuid(65534), 0);	/* root may write anything */
	assert_refused(r, EACCES, "Permission denied");
	assert_int_equal(seteuid(before), 0);
}

static void
test_its_files_are_for_its_owner_alone(void **state)
{
	static const char *const	names[] = { "jobs.db", "jobs.db-wal", "jobs.db-shm", "jobs.reserve" };
	struct store_rig		*r = *state;
	mode_t				 before = umask(0);
	struct store_op			 op = rig_add(1);

	write_file(r->file, "", 0);
	assert_int_equal(chmod(r->file, 0666), 0);
	rig_open(r);
	umask(before);
	assert_int_equal(rig_do(r, &op), STORE_OK);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(mode_of(r, names[i]), 0600);
}

static void
test_it_is_in_wal_mode_and_carries_its_version(void **state)
{
	struct store_rig	*r = *state;
	char			 version[16];

	rig_open(r);
	snprintf(version, sizeof(version), "%d", schema_version);
	rig_assert_select(r, "PRAGMA journal_mode", "wal");
	rig_assert_select(r, "PRAGMA user_version", version);
	rig_assert_select(r, "SELECT printf('%x', application_id) FROM pragma_application_id",
	    "6a6f6264");
}

/* ---- what it was ---- */

/* Each as it was, with a job in each table. */
#define VERSION_1 \
    "PRAGMA journal_mode = WAL; PRAGMA application_id = 1785684580; PRAGMA user_version = 1;" \
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;" \
    "CREATE TABLE job (id INTEGER PRIMARY KEY, spec BLOB, past BLOB, labels TEXT, args BLOB)" \
    " STRICT;" \
    "CREATE TABLE history (id INTEGER PRIMARY KEY, state INTEGER NOT NULL," \
    " blocks INTEGER NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL," \
    " keep_ms INTEGER NOT NULL, grp INTEGER, idx INTEGER," \
    " type TEXT, queue TEXT, tenant TEXT, principal TEXT," \
    " labels TEXT, past BLOB, spec BLOB, failure BLOB, text BLOB, args BLOB) STRICT;" \
    "CREATE INDEX history_group ON history (grp, idx, state) WHERE grp IS NOT NULL;" \
    "CREATE INDEX history_failed ON history (state) WHERE state = 4;" \
    "CREATE INDEX history_blocks ON history (blocks) WHERE blocks = 1;" \
    "CREATE TABLE dropped (grp INTEGER PRIMARY KEY) STRICT;" \
    "CREATE TABLE uniq (key TEXT PRIMARY KEY, id INTEGER NOT NULL, until_ms INTEGER NOT NULL)" \
    " STRICT, WITHOUT ROWID;" \
    "CREATE INDEX uniq_until ON uniq (until_ms) WHERE until_ms > 0;" \
    "CREATE TABLE item (kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL," \
    " PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;" \
    "INSERT INTO meta VALUES ('boot', 6), ('next_id', 4000001), ('live', 1), ('kept', 1)," \
    " ('kept_bytes', 12), ('failed', 0), ('failed_bytes', 0);" \
    "INSERT INTO job VALUES (30, X'7b7d', NULL, NULL, X'5b315d');" \
    "INSERT INTO history (id, state, blocks, created_ms, ended_ms, keep_ms, type, spec, text)" \
    " VALUES (20, 3, 0, 1, 2, 0, 'noop', X'7b7d', X'6e756c6c');" \
    "INSERT INTO item VALUES ('queue', 'a', '{}');"
#define VERSION_2 VERSION_1 \
    "ALTER TABLE uniq ADD COLUMN state INTEGER NOT NULL DEFAULT 0;" \
    "ALTER TABLE uniq ADD COLUMN print TEXT;" \
    "PRAGMA user_version = 2;"

#define VERSION_3 VERSION_2 \
    "ALTER TABLE job ADD COLUMN log BLOB;" \
    "ALTER TABLE history ADD COLUMN log BLOB;" \
    "PRAGMA user_version = 3;"

static const char *const versions[] = { VERSION_1, VERSION_2, VERSION_3 };

/* Indices that SQLite makes itself have no text. */
static const char tables[] = "SELECT group_concat(sql, ';') FROM"
    " (SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name)";

static void
assert_holds_what_it_held(struct store_rig *r)
{
	uint64_t		ids[] = { 20, 30 };
	struct store_query	q = { .what = STORE_GET, .ids = ids, .ids_len = 2 };
	struct store_found	f;

	store_recover(r->s, 100);
	assert_int_equal(rig_next_found(r).is, STORE_ITEM);
	f = rig_next_found(r);
	assert_int_equal(f.is, STORE_JOB);
	assert_int_equal(f.job.id, 30);
	assert_int_equal(f.job.args.len, 3);
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
	rig_ask(r, &q);
	assert_int_equal(q.rows_len, 2);
	assert_int_equal(q.rows[0].end.state, JOB_succeeded);
	assert_int_equal(q.rows[0].log.len, 0);
	store_query_fini(&q);
	assert_int_equal(store_boot(r->s), 7);
	assert_true(store_next_id(r->s) >= 4000001);
}

static void
test_each_older_version_becomes_the_present_one(void **state)
{
	struct store_rig	*r = *state;
	char			 fresh[4096], upgraded[4096], ids[128];

	assert_int_equal(COUNT(versions), schema_version);
	snprintf(ids, sizeof(ids), "%s/ids", r->dir);
	rig_open(r);
	rig_select(r, tables, fresh, sizeof(fresh));
	rig_close(r);
	for (size_t i = 0; i < COUNT(versions); i++) {
		assert_int_equal(unlink(r->file), 0);
		unlink(ids);
		run_sql(r->file, versions[i]);
		rig_open(r);
		rig_select(r, tables, upgraded, sizeof(upgraded));
		assert_string_equal(upgraded, fresh);
		assert_holds_what_it_held(r);
		rig_close(r);
	}
}

static void
test_without_the_file_of_ids_they_go_on_above_all_that_is_known(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 op;
	char			 ids[128];
	uint64_t		 last = 0;

	snprintf(ids, sizeof(ids), "%s/ids", r->dir);
	for (uint32_t boot = 1; boot < 4; boot++) {
		unlink(ids);			/* as with a backup that is started on */
		rig_open(r);
		if (boot > 1)
			assert_true(store_boot(r->s) >= boot);
		op = rig_add(store_next_id(r->s));
		assert_true(op.id > last);
		last = op.id;
		assert_int_equal(rig_do(r, &op), STORE_OK);
		rig_close(r);
	}
}

/* ---- what is left of it ---- */

/* Copies it as a power cut would leave it, without the WAL's last bytes. */
static void
check_cut(struct store_rig *r, uint64_t seed, uint64_t put, off_t wal_bytes)
{
	struct model		m = { 0 };
	uint64_t		random = seed, other;
	char			wal[128], why[256] = "";
	struct store_rig	*cut;
	void			*rig;

	set_up_closed(&rig);
	cut = rig;
	copy_file(r, cut, "jobs.db");
	copy_file(r, cut, "jobs.db-wal");
	snprintf(wal, sizeof(wal), "%s-wal", cut->file);
	assert_int_equal(truncate(wal, wal_bytes), 0);
	rig_open(cut);
	for (uint64_t serial = 0; !model_matches(&m, cut, why, sizeof(why));) {
		struct model_op	o;

		if (serial == put)
			fail_msg("cut at %ld: %s", (long)wal_bytes, why);
		model_make(&random, ++serial, &o);
		model_apply(&m, &o.op, serial, &other);
		model_op_fini(&o);
	}
	store_rig_tear_down(&rig);
}

/* A reader that keeps checkpoints from going beyond what is there now. */
static sqlite3 *
begin_reading(const struct store_rig *r)
{
	sqlite3	*db;

	assert_int_equal(sqlite3_open_v2(r->file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM job", NULL, NULL, NULL),
	    SQLITE_OK);
	return db;
}

static void
end_reading(sqlite3 *db)
{
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
test_a_wal_that_ends_anywhere_leaves_a_prefix_of_what_was_put(void **state)
{
	enum { PUT = 150, SEED = 42 };
	struct store_rig	*r = *state;
	struct model_op		 o;
	uint64_t		 random = SEED;
	sqlite3			*reader;
	off_t			 from, to;

	rig_open(r);
	reader = begin_reading(r);
	from = size_of(r, "jobs.db-wal");
	for (uint64_t serial = 1; serial <= PUT; serial++) {
		model_make(&random, serial, &o);
		rig_do(r, &o.op);
		model_op_fini(&o);
	}
	to = size_of(r, "jobs.db-wal");
	assert_true(to - from > 100000);
	random = 7;
	for (int i = 0; i < 12; i++)
		check_cut(r, SEED, PUT, from + (off_t)model_random(&random, (uint64_t)(to - from)));
	check_cut(r, SEED, PUT, to);
	end_reading(reader);
}

static void
test_damage_inside_is_told_with_the_files_name(void **state)
{
	enum { N = 2000 };
	struct store_rig	*r = *state;
	struct store_op		*ops = mem_zalloc(N, sizeof(*ops));
	struct store_found	 f;
	struct pollfd		 p = { .events = POLLIN };
	char			 why[256] = "", zeros[4096 * 8] = { 0 };
	int			 fd, rc;

	rig_open(r);
	for (uint64_t i = 0; i < N; i++) {
		ops[i] = rig_add(i + 1);
		store_put(r->s, &ops[i]);
	}
	rig_close(r);
	fd = open(r->file, O_WRONLY);
	assert_true(pwrite(fd, zeros, sizeof(zeros), (off_t)4096 * 16) == sizeof(zeros));
	close(fd);
	rig_open(r);
	store_recover(r->s, 0);
	p.fd = store_fd(r->s);
	while ((rc = store_next_found(r->s, &f, why, sizeof(why))) >= 0) {
		assert_int_not_equal(f.is == STORE_RECOVERED && rc == 1, 1);
		if (rc == 0)
			poll(&p, 1, 20000);
	}
	assert_non_null(strstr(why, "jobs.db is damaged: restore it from a backup"));
	free(ops);
}

/* ---- the WAL ---- */

#define WAL_MOST	(40 << 20)	/* 16 MiB are due, and a batch may come on top */

static void
put_many(struct store_rig *r, uint64_t first, int count)
{
	static char	args[20000];
	struct store_op	*ops = mem_zalloc((size_t)count, sizeof(*ops));

	memset(args, 'x', sizeof(args));
	for (int i = 0; i < count; i++) {
		ops[i] = rig_add(first + (uint64_t)i);
		ops[i].args = (struct span){ args, sizeof(args) };
		store_put(r->s, &ops[i]);
		if (i % 50 == 0)
			store_publish(r->s);
	}
	store_publish(r->s);
	for (int i = 0; i < count; i++)
		assert_int_equal(rig_next_done(r)->result, STORE_OK);
	free(ops);
}

static void
test_the_wal_does_not_grow_with_what_is_written(void **state)
{
	struct store_rig	*r = *state;

	r->cfg.sync = false;			/* nothing here depends on it */
	rig_open(r);
	put_many(r, 1, 4000);			/* 80 MB */
	assert_true(size_of(r, "jobs.db-wal") < WAL_MOST);
	assert_true(size_of(r, "jobs.db") > 40 << 20);
}

static void
test_a_long_read_holds_up_nothing_and_the_wal_is_used_anew_afterwards(void **state)
{
	struct store_rig	*r = *state;
	sqlite3			*db;
	off_t			 size;

	r->cfg.sync = false;
	rig_open(r);
	put_many(r, 1, 10);
	db = begin_reading(r);
	put_many(r, 1001, 3000);
	size = size_of(r, "jobs.db-wal");
	assert_true(size > WAL_MOST);		/* the reader needs what was there before */
	end_reading(db);
	put_many(r, 10001, 6000);
	assert_true(size_of(r, "jobs.db-wal") < size + WAL_MOST);
}

static void
test_a_quiet_store_has_all_in_the_file(void **state)
{
	struct store_rig	*r = *state;
	struct store_rig	*copy;
	void			*rig;
	struct store_op		 op = rig_add(1);
	int			 tries = 0;
	bool			 there = false;

	rig_open(r);
	assert_int_equal(rig_do(r, &op), STORE_OK);
	while (!there && tries++ < 100) {	/* within ten seconds; one is what it takes */
		char	got[16];

		set_up_closed(&rig);
		copy = rig;
		copy_file(r, copy, "jobs.db");
		rig_select(copy, "SELECT count(*) FROM sqlite_schema WHERE name = 'job'", got, sizeof(got));
		if (strcmp(got, "1") == 0)
			rig_select(copy, "SELECT count(*) FROM job", got, sizeof(got));
		there = strcmp(got, "1") == 0;
		store_rig_tear_down(&rig);
		if (!there)
			poll(NULL, 0, 100);
	}
	assert_true(there);
}

#define CLOSED(name) cmocka_unit_test_setup_teardown(name, set_up_closed, store_rig_tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		CLOSED(test_what_is_no_database_is_refused_and_left_as_it_is),
		CLOSED(test_another_programs_database_is_refused),
		CLOSED(test_a_newer_version_is_refused_by_number),
		CLOSED(test_a_directory_and_a_link_are_refused),
		CLOSED(test_a_directory_that_is_not_there_is_named),
		CLOSED(test_a_file_that_this_user_may_not_write_is_refused),
		CLOSED(test_its_files_are_for_its_owner_alone),
		CLOSED(test_it_is_in_wal_mode_and_carries_its_version),
		CLOSED(test_each_older_version_becomes_the_present_one),
		CLOSED(test_without_the_file_of_ids_they_go_on_above_all_that_is_known),
		CLOSED(test_a_wal_that_ends_anywhere_leaves_a_prefix_of_what_was_put),
		CLOSED(test_damage_inside_is_told_with_the_files_name),
		CLOSED(test_the_wal_does_not_grow_with_what_is_written),
		CLOSED(test_a_long_read_holds_up_nothing_and_the_wal_is_used_anew_afterwards),
		CLOSED(test_a_quiet_store_has_all_in_the_file),
	};

	return cmocka_run_group_tests_name("store_file", tests, NULL, NULL);
}
