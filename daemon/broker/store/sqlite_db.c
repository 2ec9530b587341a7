/* sqlite_db.c - a connection to the file: open, settings, words for what is wrong.  Runs in:
 * broker; loop thread, writer, reader.
 */
#include "daemon/broker/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"

#define BUSY_MS		10000	/* another program may look at the file, and hold it for a moment */
#define EXIT_BROKEN	71	/* EX_OSERR */

/* ---- the file ---- */

/* Made by us, for SQLite would make it readable by all; SQLite's own files take its mode. */
static int
make_file(const char *path)
{
	struct stat	st;
	int		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int		rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	else if ((st.st_mode & 0077) != 0 && fchmod(fd, 0600) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int
settle(sqlite3 *db, bool read_only)
{
	static const char	all[] =
	    "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;";
	int			rc;

	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_extended_result_codes(db, 1);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if ((rc = db_run(db, all)) != SQLITE_OK)
		return rc;
	/* a connection that closes last checkpoints, and one that only reads has no business to */
	return read_only ? db_run(db, "PRAGMA query_only = ON") : SQLITE_OK;
}

int
db_open(const char *path, bool read_only, sqlite3 **out, char *why, size_t size)
{
	int	flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	sqlite3	*db = NULL;
	int	rc;

	if (!read_only && (rc = make_file(path)) != 0) {
		snprintf(why, size, "%s: %s", path,
		    rc == -EINVAL ? "this is no file" : strerror(-rc));
		return rc;
	}
	flags |= read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	if ((rc = sqlite3_open_v2(path, &db, flags, NULL)) == SQLITE_OK)
		rc = settle(db, read_only);
	if (rc == SQLITE_OK) {
		*out = db;
		return 0;
	}
	rc = db_explain(db, path, rc, why, size);
	sqlite3_close(db);
	return rc;
}

/* ---- what is wrong ---- */

bool
db_is_full(sqlite3 *db, int rc)
{
	int	error = sqlite3_system_errno(db);

	if (error == 0)
		error = errno;		/* of COMMIT it has none */
	/* IOERR_SHMSIZE: the WAL's index, in a file of its own, could not grow */
	return (rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE ||
	    (rc == SQLITE_IOERR_WRITE &&
	    (error == ENOSPC || error == EDQUOT || error == EFBIG));
}

int
db_explain(sqlite3 *db, const char *path, int rc, char *why, size_t size)
{
	int	error = sqlite3_system_errno(db);

	if (db_is_full(db, rc)) {
		snprintf(why, size, "%s: there is no room on the disk", path);
		return -ENOSPC;
	}
	switch (rc & 0xff) {
	case SQLITE_NOTADB:
		snprintf(why, size, "%s is not a database of jobd: move it away, or restore it", path);
		return -EBADMSG;
	case SQLITE_CORRUPT:
		snprintf(why, size, "%s is damaged: restore it from a backup, or look at it with "
		    "jobd --check-store", path);
		return -EBADMSG;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		snprintf(why, size, "%s cannot be written by this user", path);
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(why, size, "%s is in use by another program", path);
		return -EBUSY;
	default:
		snprintf(why, size, "%s: %s%s%s", path, sqlite3_errstr(rc), error == 0 ? "" : ": ",
		    error == 0 ? "" : strerror(error));
		return error == 0 ? -EIO : -error;
	}
}

void
db_broken(const struct sqlite_store *s, sqlite3 *db, const char *doing, int rc)
{
	log_error("store broken file=%s doing=%s code=%d error=%s detail=%s errno=%d", s->path, doing,
	    rc, sqlite3_errstr(rc), sqlite3_errmsg(db), sqlite3_system_errno(db));
	_exit(EXIT_BROKEN);
}

/* ---- statements ---- */

int
db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

int
db_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int64_t
db_number(sqlite3 *db, const char *sql, int64_t none, int *rc)
{
	sqlite3_stmt	*st = NULL;
	int64_t		 number = none;

	if ((*rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL)) == SQLITE_OK) {
		*rc = sqlite3_step(st);
		if (*rc == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
			number = sqlite3_column_int64(st, 0);
		if (*rc == SQLITE_ROW || *rc == SQLITE_DONE)
			*rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return number;
}

struct span
db_column(sqlite3_stmt *st, int column)
{
	const void	*p = sqlite3_column_blob(st, column);	/* before the length: it converts */

	return (struct span){ p, (size_t)sqlite3_column_bytes(st, column) };
}

void
db_bind_text(sqlite3_stmt *st, int at, struct span text)
{
	if (text.len == 0)
		sqlite3_bind_null(st, at);
	else
		sqlite3_bind_text64(st, at, text.p, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void
db_bind_bytes(sqlite3_stmt *st, int at, struct span bytes)
{
	if (bytes.len == 0)
		sqlite3_bind_null(st, at);
	else
		sqlite3_bind_blob64(st, at, bytes.p, bytes.len, SQLITE_STATIC);
}
