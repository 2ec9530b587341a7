/* sqlite_copy.c - files made from what is in the store.  Runs in: broker, read thread.
 *
 * A copy has a connection of its own with one transaction from beginning to end: it shows the
 * store as it was, whatever is committed meanwhile, and the thread's other queries see what is
 * new.  The log cannot be set back below that point, so it grows as long as a copy lasts.
 */
#include "daemon/broker/store/sqlite_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/core/job.h"
#include "daemon/broker/store/outcome_print.h"
#include "daemon/broker/store/sqlite.h"
#include "daemon/broker/store/sqlite_query.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#define PAGES		256		/* of one step of a backup */
#define MEMBERS		1024		/* of one step of outcomes... */
#define MEMBER_BYTES	(1 << 20)	/* ...or so many bytes */

struct sqlite_copy {
	char		*path, *partial;
	sqlite3		*from, *to;
	sqlite3_backup	*backup;
	sqlite3_stmt	*members;
	int		 fd;		/* of outcomes */
	struct buf	 out;
	bool		 made;		/* partial is ours */
};

/* ---- saying what is wrong ---- */

static void
failed(struct store_query *q, int error, const char *what)
{
	q->result = STORE_UNAVAIL;
	q->error = error;
	snprintf(q->why, sizeof(q->why), "%s: %s", what, strerror(error));
}

static void
failed_in(struct store_query *q, sqlite3 *db, const char *what)
{
	int	code = sqlite3_errcode(db) & 0xff;

	q->result = STORE_UNAVAIL;
	q->error = code == SQLITE_FULL ? ENOSPC : EIO;
	snprintf(q->why, sizeof(q->why), "%s: %s", what,
	    code == SQLITE_FULL ? strerror(ENOSPC) : sqlite3_errmsg(db));
}

/* ---- the file ---- */

/* The same file system and the same rights as the whole file will have. */
static int
make_partial(struct sqlite_copy *c, struct store_query *q)
{
	struct stat	st;
	int		fd;

	if (q->what == STORE_BACKUP && lstat(c->path, &st) == 0) {
		failed(q, EEXIST, "the file is not made");
		return -1;
	}
	unlink(c->partial);	/* of a broker that died over it: one copy is under way at a time */
	fd = open(c->partial, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		failed(q, errno, "the file cannot be made");
		return -1;
	}
	c->made = true;
	c->fd = fd;
	/* outcomes are for built-in workers too, which may be others of our group */
	if (q->what != STORE_BACKUP && fchmod(fd, 0640) != 0) {
		failed(q, errno, "the file cannot be made readable");
		return -1;
	}
	return 0;
}

static int
sync_directory(const char *path)
{
	char	*dir = mem_strdup(path), *slash = strrchr(dir, '/');
	int	 fd, rc = 0;

	if (slash != NULL)
		slash[slash == dir ? 1 : 0] = '\0';
	fd = open(slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = -errno;
	fd_close(&fd);
	free(dir);
	return rc;
}

/* It is whole: on disk first, then its name, and that on disk too. */
static void
keep_file(struct sqlite_copy *c, struct store_query *q)
{
	unsigned	how = q->what == STORE_BACKUP ? RENAME_NOREPLACE : 0;
	struct stat	st = { 0 };
	int		rc;

	if (q->what == STORE_BACKUP && fstat(c->fd, &st) == 0)
		q->next = (uint64_t)st.st_size;
	if (fsync(c->fd) != 0 || renameat2(AT_FDCWD, c->partial, AT_FDCWD, c->path, how) != 0) {
		failed(q, errno, "the file cannot be finished");
		return;
	}
	c->made = false;
	if ((rc = sync_directory(c->path)) != 0)
		failed(q, -rc, "its directory cannot be synced");
	else
		q->result = STORE_OK;
}

/* ---- a backup ---- */

static int
begin_backup(struct sqlite_copy *c, struct store_query *q)
{
	/* whatever happens before the file is whole, it goes: no journal and no sync on the way */
	static const char	settings[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";

	if (sqlite3_open_v2(c->partial, &c->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
	    NULL) != SQLITE_OK || sqlite3_exec(c->to, settings, NULL, NULL, NULL) != SQLITE_OK ||
	    (c->backup = sqlite3_backup_init(c->to, "main", c->from, "main")) == NULL) {
		failed_in(q, c->to, "the backup cannot begin");
		return -1;
	}
	return 0;
}

static bool
step_backup(struct sqlite_copy *c, struct store_query *q)
{
	int	rc = sqlite3_backup_step(c->backup, PAGES);

	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return true;
	sqlite3_backup_finish(c->backup);	/* its error becomes that of c->to */
	c->backup = NULL;
	if (rc == SQLITE_DONE)
		keep_file(c, q);
	else
		failed_in(q, c->to, "the backup failed");
	return false;
}

/* ---- outcomes of a group ---- */

static const char members_sql[] =
    "SELECT idx, id, state, text, failure FROM history WHERE grp = ?1 ORDER BY idx";

static int
begin_members(struct sqlite_copy *c, struct store_query *q)
{
	if (sqlite3_prepare_v2(c->from, members_sql, -1, &c->members, NULL) != SQLITE_OK) {
		failed_in(q, c->from, "the outcomes cannot be read");
		return -1;
	}
	sqlite3_bind_int64(c->members, 1, (sqlite3_int64)q->group);
	return 0;
}

/* As group.results says it.  False: no such state is known here, and it is left out. */
static bool
print_member(struct buf *out, sqlite3_stmt *st)
{
	int			state = sqlite3_column_int(st, 2);
	struct store_row	row = { .id = (uint64_t)sqlite3_column_int64(st, 1) };

	if (state < 0 || state >= JOB_STATES || !job_state_finished((enum job_state)state))
		return false;
	row.end.state = (uint8_t)state;
	row.end.index = (uint64_t)sqlite3_column_int64(st, 0);
	row.end.text = db_column(st, 3);
	row.end.failure = db_column(st, 4);
	outcome_print(out, &row, true, SIZE_MAX);
	buf_putc(out, '\n');
	return true;
}

static bool
step_members(struct sqlite_copy *c, struct store_query *q)
{
	int	rc = SQLITE_ROW, written;

	for (int i = 0; i < MEMBERS && buf_len(&c->out) < MEMBER_BYTES; i++) {
		if ((rc = sqlite3_step(c->members)) != SQLITE_ROW)
			break;
		q->next += print_member(&c->out, c->members);
	}
	if ((written = fd_write_all(c->fd, buf_data(&c->out), buf_len(&c->out))) != 0) {
		failed(q, -written, "the outcomes cannot be written");
		return false;
	}
	c->out.head = c->out.tail = 0;
	if (rc == SQLITE_ROW)
		return true;
	if (rc == SQLITE_DONE)
		keep_file(c, q);
	else
		failed_in(q, c->from, "the outcomes cannot be read");
	return false;
}

/* ---- any copy ---- */

/* A transaction begins with its first look. */
static int
open_snapshot(struct sqlite_copy *c, const char *path, struct store_query *q)
{
	if (sqlite_open_reader(path, &c->from, q->why, sizeof(q->why)) != 0) {
		q->result = STORE_UNAVAIL;
		q->error = EIO;
		return -1;
	}
	if (sqlite3_exec(c->from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) ==
	    SQLITE_OK)
		return 0;
	failed_in(q, c->from, "the store cannot be read");
	return -1;
}

struct sqlite_copy *
sqlite_copy_begin(const char *path, struct store_query *q)
{
	struct sqlite_copy	*c = mem_zalloc(1, sizeof(*c));
	bool			 backup = q->what == STORE_BACKUP;

	c->fd = -1;
	c->path = mem_strdup(q->path);
	c->partial = mem_printf("%s.partial", q->path);
	q->next = 0;
	if (make_partial(c, q) == 0 && open_snapshot(c, path, q) == 0 &&
	    (backup ? begin_backup(c, q) : begin_members(c, q)) == 0)
		return c;
	sqlite_copy_end(c);
	return NULL;
}

bool
sqlite_copy_step(struct sqlite_copy *c, struct store_query *q)
{
	return c->backup != NULL ? step_backup(c, q) : step_members(c, q);
}

void
sqlite_copy_end(struct sqlite_copy *c)
{
	if (c == NULL)
		return;
	sqlite3_backup_finish(c->backup);	/* NULL is fine to all of these */
	sqlite3_finalize(c->members);
	sqlite3_close(c->to);
	sqlite3_close(c->from);
	fd_close(&c->fd);
	if (c->made)
		unlink(c->partial);
	buf_free(&c->out);
	free(c->partial);
	free(c->path);
	free(c);
}
