/*
 * store_faults.c - an error at the Nth write or sync of the SQLite engine: nothing that came back is
 * lost, and nothing else is there.
 *
 * Faults are made between SQLite and the system, by a VFS of our own.  JOBD_STORE_FAULTS=N tries N
 * places instead of a few.
 */
#include "tests/unit/store_model.h"

#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/broker/core/job.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define OPS		600
#define OPEN_MAX	32
#define EXIT_BROKEN	71
#define EXIT_NOT_OPEN	3

static int	places = 24;

/* ---- the VFS ---- */

enum fault { NONE, WRITE_FAILS, SYNC_FAILS, SHORT_WRITE, NO_ROOM, SMALL_DISK };

static struct {
	_Atomic int	fault;
	_Atomic int	after;		/* so many calls go well before */
	_Atomic int	times;		/* so many fail */
	const char	*dir;		/* SMALL_DISK: files of so many bytes in all */
	off_t		 disk_bytes;
} plan;

struct faulty_file {
	sqlite3_file	 base;
	sqlite3_file	*real;
};

static sqlite3_vfs	*real_vfs;

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return ((struct faulty_file *)(void *)f)->real;
}

/* Does this call fail? */
static bool
strikes(enum fault fault)
{
	return plan.fault == (int)fault && atomic_fetch_sub(&plan.after, 1) <= 0 &&
	    atomic_fetch_sub(&plan.times, 1) > 0;
}

static off_t
size_of(const char *name)
{
	char		path[128];
	struct stat	st;

	snprintf(path, sizeof(path), "%s/%s", plan.dir, name);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Is there room for what a file grows by? */
static bool
has_room(sqlite3_file *real, sqlite3_int64 end)
{
	sqlite3_int64	size = 0;

	real->pMethods->xFileSize(real, &size);
	return end <= size || size_of("jobs.db") + size_of("jobs.db-wal") + size_of("jobs.reserve") +
	    end - size <= plan.disk_bytes;
}

static int
faulty_write(sqlite3_file *f, const void *p, int len, sqlite3_int64 at)
{
	sqlite3_file	*real = real_of(f);

	if (strikes(WRITE_FAILS)) {
		errno = EIO;
		return SQLITE_IOERR_WRITE;
	}
	if (strikes(NO_ROOM) || (plan.fault == SMALL_DISK && !has_room(real, at + len)))
		return SQLITE_FULL;
	if (strikes(SHORT_WRITE)) {
		(void)real->pMethods->xWrite(real, p, len / 2, at);
		return SQLITE_FULL;
	}
	return real->pMethods->xWrite(real, p, len, at);
}

static int
faulty_sync(sqlite3_file *f, int flags)
{
	sqlite3_file	*real = real_of(f);

	if (strikes(SYNC_FAILS)) {
		errno = EIO;
		return SQLITE_IOERR_FSYNC;
	}
	return real->pMethods->xSync(real, flags);
}

static int
faulty_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int
faulty_read(sqlite3_file *f, void *p, int len, sqlite3_int64 at)
{
	return real_of(f)->pMethods->xRead(real_of(f), p, len, at);
}

static int
faulty_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int
faulty_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int
faulty_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int
faulty_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int
faulty_reserved(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int
faulty_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int
faulty_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int
faulty_characteristics(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int
faulty_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int
faulty_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void
faulty_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int
faulty_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods	faulty_methods = {
	.iVersion = 2, .xClose = faulty_close, .xRead = faulty_read, .xWrite = faulty_write,
	.xTruncate = faulty_truncate, .xSync = faulty_sync, .xFileSize = faulty_size,
	.xLock = faulty_lock, .xUnlock = faulty_unlock, .xCheckReservedLock = faulty_reserved,
	.xFileControl = faulty_control, .xSectorSize = faulty_sector,
	.xDeviceCharacteristics = faulty_characteristics, .xShmMap = faulty_shm_map,
	.xShmLock = faulty_shm_lock, .xShmBarrier = faulty_shm_barrier,
	.xShmUnmap = faulty_shm_unmap,
};

static int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct faulty_file	*f = (struct faulty_file *)(void *)file;
	int			 rc;

	(void)vfs;
	f->real = (sqlite3_file *)(void *)(f + 1);
	rc = real_vfs->xOpen(real_vfs, name, f->real, flags, out);
	f->base.pMethods = f->real->pMethods == NULL ? NULL : &faulty_methods;
	return rc;
}

static void
register_vfs(void)
{
	static sqlite3_vfs	faulty;

	sqlite3_initialize();
	real_vfs = sqlite3_vfs_find(NULL);
	faulty = *real_vfs;
	faulty.zName = "faulty";
	faulty.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
	faulty.xOpen = faulty_open;
	faulty.pNext = NULL;
	if (sqlite3_vfs_register(&faulty, 1) != SQLITE_OK)
		fail_msg("the VFS is refused");
}

static void
arm(enum fault fault, int after, int times)
{
	plan.fault = NONE;
	plan.after = after;
	plan.times = times;
	plan.fault = (int)fault;
}

/* ---- errors: the process ends ---- */

struct ledger {
	_Atomic uint64_t	put, done;
};

static void
work(struct store *s, uint64_t seed, struct ledger *l)
{
	struct model_op	*ops = mem_zalloc(OPEN_MAX, sizeof(*ops));
	struct pollfd	 p = { .fd = store_fd(s), .events = POLLIN };
	uint64_t	 random = seed;

	while (l->done < OPS) {
		while (l->put - l->done < OPEN_MAX && l->put < OPS) {
			struct model_op	*o = &ops[(l->put + 1) % OPEN_MAX];

			model_make(&random, l->put + 1, o);
			store_put(s, &o->op);
			l->put++;
		}
		store_publish(s);
		while (store_done(s) == NULL)
			poll(&p, 1, -1);
		l->done++;
		model_op_fini(&ops[l->done % OPEN_MAX]);
	}
	free(ops);
}

/* _exit: a fork's child has no tests to report. */
static void
child_main(const struct store_rig *r, enum fault fault, int after, uint64_t seed, struct ledger *l)
{
	struct store	*s;
	char		 why[256];

	log_init("child", LOG_LEVEL_ERROR);
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(1);
	arm(fault, after, 1);
	if (store_open_sqlite(&r->cfg, &s, why, sizeof(why)) != 0)
		_exit(EXIT_NOT_OPEN);
	work(s, seed, l);
	arm(NONE, 0, 0);
	store_close(s);
	_exit(0);
}

static bool
is_prefix(struct store_rig *r, uint64_t seed, const struct ledger *l, char *why, size_t size)
{
	uint64_t	random = seed, other;
	struct model	m = { 0 };

	for (uint64_t serial = 0;;) {
		struct model_op	o;

		if (serial >= l->done && model_matches(&m, r, why, size))
			return true;
		if (serial == l->put)
			return false;
		model_make(&random, ++serial, &o);
		model_apply(&m, &o.op, serial, &other);
		model_op_fini(&o);
	}
}

/* How the child ended. */
static int
run_child(enum fault fault, int after)
{
	struct ledger	*l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t	 seed = (uint64_t)after + 1;
	struct store_rig *r;
	void		*rig;
	char		 why[256] = "";
	int		 status = 0;
	pid_t		 child;

	assert_ptr_not_equal(l, MAP_FAILED);
	memset(l, 0, sizeof(*l));
	store_rig_set_up(&rig);
	r = rig;
	rig_close(r);
	fflush(NULL);
	if ((child = fork()) == 0)
		child_main(r, fault, after, seed, l);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	rig_open(r);
	if (!is_prefix(r, seed, l, why, sizeof(why)))
		fail_msg("fault %d after %d, %u of %u had come back: %s", (int)fault, after,
		    (unsigned)l->done, (unsigned)l->put, why);
	rig_assert_select(r, "PRAGMA integrity_check", "ok");
	store_rig_tear_down(&rig);
	munmap(l, sizeof(*l));
	return WEXITSTATUS(status);
}

static void
run_children(enum fault fault, int step)
{
	int	broken = 0;

	for (int i = 0; i < places; i++) {
		int	ended = run_child(fault, i < places / 2 ? i : i * step);

		if (ended != 0 && ended != EXIT_BROKEN && ended != EXIT_NOT_OPEN)
			fail_msg("fault %d: exit %d", (int)fault, ended);
		broken += ended == EXIT_BROKEN;
	}
	assert_true(broken > places / 4);
}

static void
test_an_error_at_any_write_ends_the_process_and_loses_nothing(void **state)
{
	(void)state;
	run_children(WRITE_FAILS, 11);
}

static void
test_an_error_at_any_sync_ends_the_process_and_loses_nothing(void **state)
{
	(void)state;
	run_children(SYNC_FAILS, 1);
}

/* ---- no room: it stays ---- */

static void
check_one(struct store_rig *r, struct model *m, struct model_op *ops, uint64_t serial, int *refused)
{
	struct store_op	*op = rig_next_done(r);
	struct model	 before = *m;
	uint64_t	 other;

	assert_ptr_equal(op, &ops[serial % OPEN_MAX].op);
	if (model_apply(m, op, serial, &other) != op->result) {
		if (op->result != STORE_FULL)
			fail_msg("operation %u verb %u: %s", (unsigned)serial, op->verb,
			    store_result_names[op->result]);
		*m = before;
	}
	if (op->result == STORE_FULL) {
		assert_true(op->verb == STORE_ADD || op->verb == STORE_AGAIN || op->verb == STORE_PUT);
		*m = before;
		++*refused;
	}
	model_op_fini(&ops[serial % OPEN_MAX]);
}

static int
run_without_room(enum fault fault, int after, int times)
{
	struct model	 m = { 0 };
	struct model_op	 ops[OPEN_MAX];
	uint64_t	 random = (uint64_t)after, put = 0, done = 0;
	struct store_rig *r;
	void		*rig;
	char		 why[256];
	int		 refused = 0;

	store_rig_set_up(&rig);
	r = rig;
	arm(fault, after, times);
	while (done < OPS) {
		while (put - done < OPEN_MAX && put < OPS) {
			put++;
			model_make(&random, put, &ops[put % OPEN_MAX]);
			store_put(r->s, &ops[put % OPEN_MAX].op);
		}
		store_publish(r->s);
		check_one(r, &m, ops, ++done, &refused);
	}
	arm(NONE, 0, 0);		/* what is left of it: commits are more or less many */
	while (store_load(r->s).full)
		poll(NULL, 0, 5);
	assert_int_equal(rig_do(r, &(struct store_op){ .verb = STORE_PUT, .kind = SPAN("z"),
	    .name = SPAN("z"), .text = SPAN("{}") }), STORE_OK);
	assert_int_equal(rig_do(r, &(struct store_op){ .verb = STORE_DELETE, .kind = SPAN("z"),
	    .name = SPAN("z") }), STORE_OK);
	rig_reopen(r);
	if (!model_matches(&m, r, why, sizeof(why)))
		fail_msg("fault %d after %d: %s", (int)fault, after, why);
	rig_assert_select(r, "PRAGMA integrity_check", "ok");
	store_rig_tear_down(&rig);
	return refused;
}

static void
test_a_short_write_refuses_what_grows_and_keeps_the_rest(void **state)
{
	int	refused = 0;

	(void)state;
	for (int i = 0; i < places / 4; i++)
		refused += run_without_room(SHORT_WRITE, i * 7, 1 + i % 3);
	assert_true(refused > 0);
}

static void
test_a_full_disk_refuses_what_grows_and_keeps_the_rest(void **state)
{
	int	refused = 0;

	(void)state;
	for (int i = 0; i < places / 4; i++)
		refused += run_without_room(NO_ROOM, i * 13, 1 + i % 4);
	assert_true(refused > 0);
}

#define DISK_BYTES	(12 << 20)
#define ARGS_BYTES	20000

/* Until the disk is full; how many were taken. */
static uint64_t
fill_disk(struct store_rig *r)
{
	static char	args[ARGS_BYTES];
	struct store_op	op = rig_add(1);

	memset(args, 'x', sizeof(args));
	op.args = (struct span){ args, sizeof(args) };
	while (rig_do(r, &op) == STORE_OK)
		op.id++;
	assert_int_equal(op.result, STORE_FULL);
	assert_true(store_load(r->s).full);
	return op.id - 1;
}

static void
test_on_a_full_disk_all_that_was_taken_can_end_and_be_started_on(void **state)
{
	struct store_rig	*r;
	struct store_op		 op;
	void			*rig;
	uint64_t		 taken;

	(void)state;
	store_rig_set_up(&rig);
	r = rig;
	rig_close(r);
	r->cfg.reserve_bytes = DISK_BYTES / 3;
	plan.dir = r->dir;
	plan.disk_bytes = DISK_BYTES;
	arm(SMALL_DISK, 0, 0);
	rig_open(r);
	taken = fill_disk(r);
	assert_true(taken > 100);
	for (uint64_t id = 1; id <= taken; id++) {
		if (id == taken / 2)
			rig_reopen(r);
		op = rig_end(id, JOB_succeeded);
		assert_int_equal(rig_do(r, &op), STORE_OK);
	}
	arm(NONE, 0, 0);
	rig_assert_select(r, "SELECT count(*) FROM job", "0");
	store_rig_tear_down(&rig);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_an_error_at_any_write_ends_the_process_and_loses_nothing),
		cmocka_unit_test(test_an_error_at_any_sync_ends_the_process_and_loses_nothing),
		cmocka_unit_test(test_a_short_write_refuses_what_grows_and_keeps_the_rest),
		cmocka_unit_test(test_a_full_disk_refuses_what_grows_and_keeps_the_rest),
		cmocka_unit_test(test_on_a_full_disk_all_that_was_taken_can_end_and_be_started_on),
	};

	if (getenv("JOBD_STORE_FAULTS") != NULL)
		places = atoi(getenv("JOBD_STORE_FAULTS"));
	register_vfs();
	return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
