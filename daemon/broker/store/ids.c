/* ids.c - job ids and the boot counter, reserved durably.  Runs in: broker; loop thread and the
 * thread that reserves ahead.
 *
 * The mutex protects `reserved` and the two flags; it is held for moments, never over a system call
 * that could wait.  The file is written by ids_open, then by the thread, then by ids_end.
 */
#include "daemon/broker/store/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "lib/thread.h"
#include "proto/bounds.h"

#define FILE_NAME	"ids"
#define TEMP_NAME	"ids.new"
#define FIRST_LINE	"jobd-ids 1"
#define FILE_BYTES_MAX	256
/* The next block is asked for when half of this one is left, and again so often. */
#define AHEAD		(IDS_BLOCK / 2)
#define AGAIN		(IDS_BLOCK / 20)

struct ids {
	char		*path;		/* of the file, for people */
	int		 dir;
	uint32_t	 boot;
	pthread_t	 thread;
	uint64_t	 next, end;	/* the loop's: reserved and not used */
	pthread_mutex_t	 mutex;
	pthread_cond_t	 work;
	uint64_t	 reserved;	/* ids below it, by the file */
	bool		 wanted, ending;
};

/* What the file says. */
struct record {
	int64_t	boot, next;
};

/* ---- reading ---- */

/* Reads `NAME NUMBER` and moves on to the next line. */
static bool
read_number(const char **at, const char *name, int64_t max, int64_t *out)
{
	size_t		 len = strlen(name);
	const char	*end = strchr(*at, '\n');

	if (end == NULL || strncmp(*at, name, len) != 0 || (*at)[len] != ' ')
		return false;
	if (parse_i64(*at + len + 1, (size_t)(end - *at) - len - 1, 0, max, out) != 0)
		return false;
	*at = end + 1;
	return true;
}

static bool
read_record(const char *text, size_t len, struct record *out)
{
	const char	*at = text;
	size_t		 first = strlen(FIRST_LINE);

	if (len != strlen(text) || strncmp(at, FIRST_LINE "\n", first + 1) != 0)
		return false;
	at += first + 1;
	return read_number(&at, "boot", IDS_BOOTS, &out->boot) &&
	    read_number(&at, "next", BOUND_JOB_ID, &out->next) && *at == '\0' && out->next > 0;
}

static int
load(const struct ids *ids, struct record *out, char *why, size_t size)
{
	char	*text;
	size_t	 len;
	bool	 good;

	if ((text = fd_read_file(ids->path, FILE_BYTES_MAX, &len)) == NULL) {
		int	rc = -errno;

		*out = (struct record){ .boot = 0, .next = 1 };
		if (rc == -ENOENT)
			return 0;
		snprintf(why, size, "%s cannot be read: %s", ids->path, strerror(-rc));
		return rc;
	}
	good = read_record(text, len, out);
	free(text);
	if (good)
		return 0;
	snprintf(why, size, "%s is damaged: it says which job ids were used, and jobd does not "
	    "guess.  Restore it, or write `" FIRST_LINE "', `boot N' and `next M' with N and M "
	    "above all that were ever seen", ids->path);
	return -EBADMSG;
}

/* ---- writing ---- */

static int
write_synced(int fd, const char *text)
{
	int	rc = fd_write_all(fd, text, strlen(text));

	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	return rc;
}

static int
save(const struct ids *ids, uint64_t next)
{
	char	text[FILE_BYTES_MAX];
	int	fd, rc;

	snprintf(text, sizeof(text), FIRST_LINE "\nboot %u\nnext %llu\n", ids->boot,
	    (unsigned long long)next);
	fd = openat(ids->dir, TEMP_NAME,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = write_synced(fd, text);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && renameat(ids->dir, TEMP_NAME, ids->dir, FILE_NAME) != 0)
		rc = -errno;
	if (rc == 0 && fsync(ids->dir) != 0)
		rc = -errno;
	return rc;
}

/* ---- reserving ahead ---- */

/* It failed: somebody may ask again.  Nobody asks while a block is on its way. */
static void
was_tried(struct ids *ids)
{
	pthread_mutex_lock(&ids->mutex);
	ids->wanted = false;
	pthread_mutex_unlock(&ids->mutex);
}

/* What the file is to say is on disk before anybody sees it in `reserved`. */
static int
reserve(struct ids *ids)
{
	uint64_t	end = ids->reserved + IDS_BLOCK;	/* nobody else writes it */
	int		rc;

	if (end > (uint64_t)BOUND_JOB_ID)
		return -ERANGE;
	if ((rc = save(ids, end)) != 0)
		return rc;
	pthread_mutex_lock(&ids->mutex);
	ids->reserved = end;
	ids->wanted = false;
	pthread_mutex_unlock(&ids->mutex);
	return 0;
}

static bool
wait_until_wanted(struct ids *ids)
{
	bool	wanted;

	pthread_mutex_lock(&ids->mutex);
	while (!ids->wanted && !ids->ending)
		pthread_cond_wait(&ids->work, &ids->mutex);
	wanted = !ids->ending;
	pthread_mutex_unlock(&ids->mutex);
	return wanted;
}

static void *
reserve_main(void *arg)
{
	struct ids	*ids = arg;
	bool		 said = false;		/* once for each trouble */
	int		 rc;

	while (wait_until_wanted(ids)) {
		if ((rc = reserve(ids)) != 0 && !said)
			log_warn("job ids cannot be reserved file=%s error=%s", ids->path, strerror(-rc));
		if ((said = rc != 0))
			was_tried(ids);
	}
	return NULL;
}

/* Takes what was reserved meanwhile; when that is nothing new, asks for it. */
static void
look_ahead(struct ids *ids)
{
	pthread_mutex_lock(&ids->mutex);
	if (ids->next == ids->end)
		ids->end = ids->reserved;
	if (ids->reserved - ids->next <= AHEAD && !ids->wanted) {
		ids->wanted = true;
		pthread_cond_signal(&ids->work);
	}
	pthread_mutex_unlock(&ids->mutex);
}

/* ---- life ---- */

static void
ids_free(struct ids *ids)
{
	if (ids->dir >= 0)
		close(ids->dir);
	pthread_cond_destroy(&ids->work);
	pthread_mutex_destroy(&ids->mutex);
	free(ids->path);
	free(ids);
}

static int
open_dir(struct ids *ids, const char *state_dir, char *why, size_t size)
{
	int	rc;

	if ((ids->dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0)
		return 0;
	rc = -errno;
	snprintf(why, size, "the state directory %s cannot be opened: %s", state_dir,
	    strerror(-rc));
	return rc;
}

static int
start_boot(struct ids *ids, struct record known, char *why, size_t size)
{
	struct record	r;
	int		rc;

	if ((rc = load(ids, &r, why, size)) != 0)
		return rc;
	if (r.boot < known.boot)
		r.boot = known.boot;
	if (r.next < known.next)
		r.next = known.next;
	if (r.boot + 1 >= IDS_BOOTS) {
		snprintf(why, size, "%s: jobd was started as often as one state directory allows",
		    ids->path);
		return -ERANGE;
	}
	ids->boot = (uint32_t)r.boot + 1;
	ids->next = ids->reserved = (uint64_t)r.next;
	if ((rc = reserve(ids)) != 0)
		snprintf(why, size, "%s cannot be written: %s", ids->path, strerror(-rc));
	ids->end = ids->reserved;
	return rc;
}

int
ids_open(const char *state_dir, uint32_t boot, uint64_t next, struct ids **out, char *why,
    size_t size)
{
	struct record	 known = { .boot = boot, .next = (int64_t)next };
	struct ids	*ids = mem_zalloc(1, sizeof(*ids));
	int		 rc;

	ids->path = mem_printf("%s/" FILE_NAME, state_dir);
	pthread_mutex_init(&ids->mutex, NULL);
	pthread_cond_init(&ids->work, NULL);
	if ((rc = open_dir(ids, state_dir, why, size)) != 0)
		goto out;
	if ((rc = start_boot(ids, known, why, size)) != 0)
		goto out;
	if ((rc = thread_start(&ids->thread, reserve_main, ids)) != 0) {
		snprintf(why, size, "no thread for job ids: %s", strerror(-rc));
		goto out;
	}
	*out = ids;
	ids = NULL;
out:
	if (ids != NULL)
		ids_free(ids);
	return rc;
}

void
ids_end(struct ids *ids)
{
	pthread_mutex_lock(&ids->mutex);
	ids->ending = true;
	pthread_cond_signal(&ids->work);
	pthread_mutex_unlock(&ids->mutex);
	pthread_join(ids->thread, NULL);
	/* if not, the block's rest is skipped, as after a crash */
	if (save(ids, ids->next) == 0)
		ids->reserved = ids->end = ids->next;
}

void
ids_close(struct ids *ids)
{
	if (ids == NULL)
		return;
	if (!ids->ending)
		ids_end(ids);
	ids_free(ids);
}

uint32_t
ids_boot(const struct ids *ids)
{
	return ids->boot;
}

uint64_t
ids_next(struct ids *ids)
{
	uint64_t	left = ids->end - ids->next;

	if (left == 0 || (left <= AHEAD && left % AGAIN == 0))
		look_ahead(ids);
	return ids->next == ids->end ? 0 : ids->next++;
}

uint64_t
ids_reserved(struct ids *ids)
{
	uint64_t	reserved;

	pthread_mutex_lock(&ids->mutex);
	reserved = ids->reserved;
	pthread_mutex_unlock(&ids->mutex);
	return reserved;
}
