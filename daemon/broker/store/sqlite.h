/*
 * sqlite.h - the SQLite engine: what its files share.
 *
 * One file, jobs.db in the state directory, in WAL mode.  The writer thread has the only connection
 * that writes; the reader thread has one of its own that cannot.  A struct belongs to its thread but
 * for `handover` and what is said to be shared.
 *
 *   sqlite.c           the engine: open, close, from store.h to the handover
 *   sqlite_db.c        a connection: open, settings, words for what is wrong
 *   sqlite_schema.c    tables, versions, migrations
 *   sqlite_writer.c    the writer thread: batches, commits, checkpoints, a full disk
 *   sqlite_verbs.c     one operation each
 *   sqlite_retain.c    what of history is forgotten by itself
 *   sqlite_recover.c   what is found after a start
 *   sqlite_space.c     the reserve for a full disk
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/broker/store/engine.h"
#include "daemon/broker/store/handover.h"

struct sqlite_read;

#define SQLITE_FILE_NAME	"jobs.db"
#define SQLITE_RESERVE_NAME	"jobs.reserve"

/* Finished states as they are stored: they never change their number. */
enum stored_state { STORED_SUCCEEDED = 3, STORED_FAILED = 4, STORED_CANCELLED = 5, STORED_EXPIRED = 6 };

/* How much there is; kept in the table `meta`, written with each commit that changes it. */
struct totals {
	int64_t	live;			/* jobs */
	int64_t	kept, kept_bytes;	/* of history that did not fail */
	int64_t	failed, failed_bytes;
	int64_t	next_id;		/* ids below it were given away, by ids.h */
};

enum statement {
	ST_BEGIN, ST_COMMIT, ST_ROLLBACK, ST_META,
	ST_JOB_ADD, ST_JOB_GET, ST_JOB_CHANGE, ST_JOB_REMOVE,
	ST_HISTORY_ADD, ST_HISTORY_GET, ST_HISTORY_CHANGE, ST_HISTORY_REMOVE,
	ST_GROUP_FIND, ST_GROUP_DROP, ST_DROPPED_FIND, ST_DROPPED_OVER,
	ST_UNIQUE_GET, ST_UNIQUE_PUT, ST_UNIQUE_END, ST_UNIQUE_REMOVE, ST_UNIQUE_OVER,
	ST_ITEM_PUT, ST_ITEM_REMOVE,
	ST_RETAIN_KEPT, ST_RETAIN_FAILED,
	STATEMENTS
};

/* sqlite_retain.c: how far the walks through one class of history are. */
enum retain_class { RETAIN_KEPT, RETAIN_FAILED, RETAIN_CLASSES };
struct retain {
	uint64_t	oldest;		/* none below it is to go for number or bytes */
	uint64_t	swept;		/* looked at for age up to here; 0: no sweep is under way */
	int64_t		number_ns, sweep_ns;	/* when it is looked again, and swept again */
	int64_t		began_ns;	/* of the sweep */
	int64_t		rest_ns;	/* none begins before */
	int64_t		earliest_ms;	/* no row is too old before that */
};

struct sqlite_store {
	struct store		 store;
	struct store_config	 cfg;		/* with a path of its own; keep_* are the writer's */
	char			*dir, *path, *reserve_path;
	uint32_t		 boot;
	struct handover		 handover;
	pthread_t		 writer;
	struct sqlite_read	*read;
	atomic_bool		 full;		/* shared: the disk is */
	_Atomic(struct store_config *) new_keep; /* shared: for the writer to take; or NULL */
	/* the writer's */
	sqlite3			*db;
	sqlite3_stmt		*statements[STATEMENTS];
	struct totals		 totals, written;	/* as they are; as the file has them */
	struct store_stats	 stats;		/* of commits */
	uint64_t		 top;		/* no job above this id is in the store */
	uint64_t		 refused;	/* 1 + the turn in which an operation was; 0: none */
	int64_t			 now_ms;	/* of the batch */
	struct retain		 retain[RETAIN_CLASSES];
	bool			 alone;		/* the transaction is history_forget_alone's */
	int			 wal_pages;	/* in the WAL */
	int			 wal_wanted;	/* a checkpoint is due at so many */
	int64_t			 space_ns;	/* full: when space is looked for again */
	size_t			 args_left;	/* recovery */
	struct found_batch	*fetched;	/* the loop's: what store_next_found is in */
	bool			 reserved;	/* the whole reserve is there */
};

/* ---- sqlite_db.c ---- */

/*
 * Opens the file with the settings that all connections have; `made` where it is not there.
 * 0, or -errno with a sentence in why.
 */
int db_open(const char *path, bool read_only, sqlite3 **out, char *why, size_t size);
/* What a result code of SQLite is as -errno, with a sentence about the file. */
int db_explain(sqlite3 *db, const char *path, int rc, char *why, size_t size);
/* No room: a full disk, a quota or a limit on the size of files. */
bool db_is_full(sqlite3 *db, int rc);
/*
 * The file can no longer be trusted to hold what was written: the process ends at once, without a
 * checkpoint, and the next one finds in the WAL what is whole.
 */
void db_broken(const struct sqlite_store *s, sqlite3 *db, const char *doing, int rc)
    __attribute__((noreturn));
int db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out);
/* SQL text of our own, without a result.  SQLITE_OK, or the error. */
int db_run(sqlite3 *db, const char *sql);
/* The single number that the query gives, or `none`; *rc is SQLITE_OK or the error. */
int64_t db_number(sqlite3 *db, const char *sql, int64_t none, int *rc);

/* One column of a row that was stepped to; it lives until the next step. */
struct span db_column(sqlite3_stmt *st, int column);
/* NULL for an empty span.  The bytes are lent until the statement was reset. */
void db_bind_text(sqlite3_stmt *st, int at, struct span text);
void db_bind_bytes(sqlite3_stmt *st, int at, struct span bytes);

/* ---- sqlite_schema.c ---- */

/* The version that this jobd writes. */
extern const int schema_version;
/* Makes the tables, or brings them up to schema_version.  0, or -errno with a sentence in why. */
int schema_upgrade(sqlite3 *db, const char *path, char *why, size_t size);

/* ---- sqlite_writer.c ---- */

int writer_open(struct sqlite_store *s, char *why, size_t size);
void *writer_main(void *sqlite_store);
/* When the thread has ended: no more ids are given, and file and database say which were. */
void writer_give_ids_back(struct sqlite_store *s);

/* ---- sqlite_verbs.c ---- */

int verbs_prepare(struct sqlite_store *s);
/* Within a transaction.  SQLITE_OK with op->result, or the error. */
int verb_carry_out(struct sqlite_store *s, struct store_op *op);
/* Runs a statement that gives no row, and resets it.  SQLITE_OK, or the error. */
int verb_run(struct sqlite_store *s, enum statement which);
/* Takes a job out of history; the caller is in a transaction.  SQLITE_OK, or the error. */
int history_remove(struct sqlite_store *s, uint64_t id, uint8_t state, int64_t bytes);
/* The same by its id alone; one that is not there is gone. */
int history_forget(struct sqlite_store *s, uint64_t id);

/* ---- sqlite_retain.c ---- */

/*
 * Forgets some of what is too old or too much; the caller is in a transaction.  SQLITE_OK, or the
 * error.  The first goes along with so many operations, the second has a transaction to itself.
 */
int history_forget_some(struct sqlite_store *s, int ops);
int history_forget_alone(struct sqlite_store *s);
/* Takes what the loop has set of how much is kept, if it has. */
void history_configure(struct sqlite_store *s);
/* That transaction came to nothing. */
void history_undone(struct sqlite_store *s);
/* A job has come into history. */
void history_ended(struct sqlite_store *s, const struct store_end *end);
/* When history_forget_alone has something to do. */
int64_t history_next_ns(struct sqlite_store *s);

/* ---- sqlite_recover.c ---- */

void recover_main(struct sqlite_store *s);
int recover_next(struct sqlite_store *s, struct store_found *out, char *why, size_t size);
void found_free(struct found_batch *batch);

/* ---- sqlite_space.c ---- */

/* Makes the reserve when it is not there: 0 or -errno. */
int space_reserve(struct sqlite_store *s);
/* Gives a part of it up; false: there was none left. */
bool space_give_up(struct sqlite_store *s);
/* There is more free than the reserve takes, and it is made again. */
bool space_is_back(struct sqlite_store *s);

#endif
