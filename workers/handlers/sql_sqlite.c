/*
 * sql_sqlite.c - sql.query on a SQLite file.  Runs in: a thread of the io worker.
 *
 * The directory of the file is opened beneath files.roots, and SQLite is given
 * /proc/self/fd/N/name.  SQLite would resolve that to a path of text, which someone could change
 * before it is opened; so it runs on a file system layer of ours that is its own but for taking
 * names as they are.  The last component is opened with O_NOFOLLOW by SQLite itself.  The layer
 * refuses every other name: a journal that someone left beside the file may tell SQLite to look
 * into a file anywhere, and to delete it.
 *
 * A statement can reach nothing but this file: ATTACH (and with it VACUUM INTO), load_extension
 * and every PRAGMA that does not only ask are refused by the authorizer.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <sqlite3.h>

#include "workers/handlers/bytes.h"
#include "workers/handlers/roots.h"
#include "workers/handlers/sql.h"

#define VFS_NAME	"jobd"
#define PROGRESS_STEPS	1000		/* of SQLite's machine between two looks at the clock */

/* ---- the layer ---- */

#define FD_PREFIX	"/proc/self/fd/"

static sqlite3_vfs		layer;
static const sqlite3_vfs	*own;

/* /proc/self/fd/N/name: in a directory that was opened beneath files.roots. */
static bool
is_ours(const char *name)
{
	const char	*rest = name + strlen(FD_PREFIX);

	if (strncmp(name, FD_PREFIX, strlen(FD_PREFIX)) != 0)
		return false;
	rest += strspn(rest, "0123456789");
	return rest[0] == '/' && rest[1] != '\0' && strchr(rest + 1, '/') == NULL;
}

/* No name: a temporary file, which SQLite names and unlinks itself. */
static int
open_ours(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	if (name == NULL || is_ours(name))
		return own->xOpen(vfs, name, file, flags, out);
	file->pMethods = NULL;
	return SQLITE_CANTOPEN;
}

static int
delete_ours(sqlite3_vfs *vfs, const char *name, int sync)
{
	return is_ours(name) ? own->xDelete(vfs, name, sync) : SQLITE_IOERR_DELETE;
}

/* An error, not "it is not there": then SQLite would throw the journal away. */
static int
access_ours(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	return is_ours(name) ? own->xAccess(vfs, name, flags, out) : SQLITE_IOERR_ACCESS;
}

static int
take_name_as_it_is(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	if ((int)strlen(name) >= size)
		return SQLITE_CANTOPEN;
	strcpy(out, name);
	return SQLITE_OK;
}

static void
make_layer(void)
{
	own = sqlite3_vfs_find(NULL);
	layer = *own;
	layer.pNext = NULL;
	layer.zName = VFS_NAME;
	layer.xFullPathname = take_name_as_it_is;
	layer.xOpen = open_ours;
	layer.xDelete = delete_ours;
	layer.xAccess = access_ours;
	sqlite3_vfs_register(&layer, 0);
}

/* ---- opening ---- */

/* 0, or -EINVAL with q->why: what is there must be a regular file, or may be made. */
static int
check_file(struct sql *q, int dir, const char *name, const char *path)
{
	struct stat	st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT && q->mode == SQL_CREATE ? 0 :
		    sql_say(q, "cannot open: %s: %s", strerror(errno), path);
	return S_ISREG(st.st_mode) ? 0 : sql_say(q, "not a regular file: %s", path);
}

/* PRAGMAs that tell and change nothing; those that take a value only without one. */
static bool
pragma_only_asks(const char *name, const char *value)
{
	static const struct {
		const char	*name;
		bool		 takes_name;	/* of a table or an index */
	} known[] = {
		{ "table_info", true }, { "table_xinfo", true }, { "table_list", true },
		{ "index_list", true }, { "index_info", true }, { "index_xinfo", true },
		{ "foreign_key_list", true }, { "foreign_key_check", true },
		{ "integrity_check", true }, { "quick_check", true },
		{ "user_version", false }, { "application_id", false }, { "schema_version", false },
		{ "data_version", false }, { "encoding", false }, { "journal_mode", false },
		{ "page_count", false }, { "page_size", false }, { "freelist_count", false },
		{ "foreign_keys", false }, { "compile_options", false }, { "database_list", false },
		{ "collation_list", false }, { "function_list", false },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(known[i].name, name) == 0)
			return value == NULL || known[i].takes_name;
	return false;
}

static int
authorize(void *arg, int action, const char *a, const char *b, const char *database,
    const char *trigger)
{
	struct sql	*q = arg;

	(void)database;
	(void)trigger;
	switch (action) {
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		sql_say(q, "ATTACH, DETACH and VACUUM are refused: a statement reaches one file only");
		return SQLITE_DENY;
	case SQLITE_FUNCTION:
		if (b != NULL && strcasecmp(b, "load_extension") == 0) {
			sql_say(q, "load_extension is refused");
			return SQLITE_DENY;
		}
		return SQLITE_OK;
	case SQLITE_PRAGMA:
		if (pragma_only_asks(a, b))
			return SQLITE_OK;
		sql_say(q, "PRAGMA %s is refused", a);
		return SQLITE_DENY;
	default:
		return SQLITE_OK;
	}
}

static int
look_up(void *arg)
{
	return sql_go_on(arg) != 0;
}

/* Another connection writes: waits, and looks whether it should. */
static int
wait_for_lock(void *arg, int tries)
{
	(void)tries;
	if (sql_go_on(arg) != 0)
		return 0;
	usleep(2000);
	return 1;
}

static void
guard(struct sql *q, sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 256 << 20);
	sqlite3_set_authorizer(db, authorize, q);
	sqlite3_progress_handler(db, PROGRESS_STEPS, look_up, q);
	sqlite3_busy_handler(db, wait_for_lock, q);
}

/* ---- asking ---- */

/* What went wrong, unless it was us who ended it. */
static int
failed(struct sql *q, sqlite3 *db)
{
	int	rc = sql_go_on(q);

	if (rc != 0)
		return rc;
	return q->why[0] != '\0' ? -EINVAL : sql_say(q, "SQLite: %s", sqlite3_errmsg(db));
}

static int
bind_bytes(struct sql *q, sqlite3_stmt *st, int i, const json_t *value)
{
	const json_t	*text = json_object_get(value, "base64");
	struct buf	 b = { 0 };
	int		 rc;

	if (!bytes_decode(&b, json_string_value(text), json_string_length(text)))
		return sql_say(q, "args.params[%d].base64 must be base64 with its padding", i - 1);
	rc = sqlite3_bind_blob64(st, i, buf_len(&b) == 0 ? "" : buf_data(&b), buf_len(&b),
	    SQLITE_TRANSIENT);
	buf_free(&b);
	return rc == SQLITE_OK ? 0 : failed(q, sqlite3_db_handle(st));
}

static int
bind_one(struct sql *q, sqlite3_stmt *st, int i, const json_t *value)
{
	int	rc;

	switch (json_typeof(value)) {
	case JSON_TRUE:
	case JSON_FALSE:
		rc = sqlite3_bind_int(st, i, json_is_true(value));
		break;
	case JSON_INTEGER:
		rc = sqlite3_bind_int64(st, i, json_integer_value(value));
		break;
	case JSON_REAL:
		rc = sqlite3_bind_double(st, i, json_real_value(value));
		break;
	case JSON_STRING:
		rc = sqlite3_bind_text64(st, i, json_string_value(value),
		    json_string_length(value), SQLITE_STATIC, SQLITE_UTF8);
		break;
	case JSON_OBJECT:
		return bind_bytes(q, st, i, value);
	default:
		rc = sqlite3_bind_null(st, i);
	}
	return rc == SQLITE_OK ? 0 : failed(q, sqlite3_db_handle(st));
}

static int
bind_all(struct sql *q, sqlite3_stmt *st)
{
	size_t	given = json_array_size(q->params);
	int	rc = 0;

	if (given != (size_t)sqlite3_bind_parameter_count(st))
		return sql_say(q, "the statement has %d parameters, args.params %zu",
		    sqlite3_bind_parameter_count(st), given);
	for (size_t i = 0; rc == 0 && i < given; i++)
		rc = bind_one(q, st, (int)i + 1, json_array_get(q->params, i));
	return rc;
}

static void
put_real(struct sql *q, double v)
{
	char	text[40];

	if (!isfinite(v)) {
		buf_puts(&q->rows, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		return;
	}
	sqlite3_snprintf(sizeof(text), text, "%!.17g", v);
	buf_puts(&q->rows, text);
}

static void
put_value(struct sql *q, sqlite3_stmt *st, int i)
{
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		buf_put_i64(&q->rows, sqlite3_column_int64(st, i));
		break;
	case SQLITE_FLOAT:
		put_real(q, sqlite3_column_double(st, i));
		break;
	case SQLITE_TEXT:
		sql_put_text(q, (const char *)sqlite3_column_text(st, i),
		    (size_t)sqlite3_column_bytes(st, i));
		break;
	case SQLITE_BLOB:
		sql_put_bytes(q, sqlite3_column_blob(st, i), (size_t)sqlite3_column_bytes(st, i));
		break;
	default:
		buf_puts(&q->rows, "null");
	}
}

static bool
put_row(struct sql *q, sqlite3_stmt *st)
{
	if (!sql_row_begin(q))
		return false;
	for (int i = 0; i < sqlite3_column_count(st); i++) {
		sql_value_begin(q, (size_t)i);
		put_value(q, st, i);
	}
	return sql_row_end(q);
}

/* A statement that writes is run to its end, however many rows it gives. */
static int
step_all(struct sql *q, sqlite3 *db, sqlite3_stmt *st)
{
	bool	room = true;
	int	rc;

	for (int i = 0; i < sqlite3_column_count(st); i++)
		if (sql_column(q, sqlite3_column_name(st, i)) != 0)
			return -EINVAL;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		room = room && put_row(q, st);
		if (!room && sqlite3_stmt_readonly(st))
			return 0;
	}
	if (rc != SQLITE_DONE)
		return failed(q, db);
	if (!sqlite3_stmt_readonly(st))
		q->changes = sqlite3_changes64(db);
	return 0;
}

static int
ask(struct sql *q, sqlite3 *db)
{
	sqlite3_stmt	*st, *more = NULL;
	const char	*tail;
	int		 rc;

	if (sqlite3_prepare_v2(db, q->text, -1, &st, &tail) != SQLITE_OK)
		return failed(q, db);
	if (st == NULL)
		return sql_say(q, "args.sql has no statement");
	if (sqlite3_prepare_v2(db, tail, -1, &more, NULL) != SQLITE_OK || more != NULL)
		rc = sql_say(q, "args.sql must be one statement");
	else if ((rc = bind_all(q, st)) == 0)
		rc = step_all(q, db, st);
	sqlite3_finalize(more);
	sqlite3_finalize(st);
	return rc;
}

int
sql_sqlite(struct sql *q, const char *path)
{
	static pthread_once_t	once = PTHREAD_ONCE_INIT;
	static const int	flags[] = {
		[SQL_READ] = SQLITE_OPEN_READONLY, [SQL_WRITE] = SQLITE_OPEN_READWRITE,
		[SQL_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	char			name_beneath[ROOTS_PATH_MAX + 40];
	const char		*name;
	sqlite3			*db = NULL;
	int			 rc, dir = roots_find_parent(path, &name, q->why, sizeof(q->why));

	if (dir < 0)
		return -EINVAL;
	pthread_once(&once, make_layer);
	snprintf(name_beneath, sizeof(name_beneath), "/proc/self/fd/%d/%s", dir, name);
	if ((rc = check_file(q, dir, name, path)) == 0) {
		rc = sqlite3_open_v2(name_beneath, &db, flags[q->mode], VFS_NAME);
		if (rc != SQLITE_OK) {
			rc = sql_say(q, "SQLite: %s: %s", sqlite3_errmsg(db), path);
		} else {
			guard(q, db);
			rc = ask(q, db);
		}
		sqlite3_close(db);
	}
	close(dir);
	return rc;
}
