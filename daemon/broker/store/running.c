/* running.c - which durable jobs run at this moment.  Runs in: broker, loop thread. */
#include "daemon/broker/store/running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/idset.h"

#define MAGIC		UINT64_C(0x326e75722d64626a)	/* "jbd-run2" */
#define BOOT_ID_BYTES	36

struct file {
	uint64_t		magic;
	char			boot_id[BOOT_ID_BYTES];	/* of the machine's start */
	uint32_t		reserved;
	struct running_note	notes[RUNNING_NOTES];
};

_Static_assert(sizeof(struct running_note) == 64, "a note of another size is another file");

/* Where a job's note is. */
struct place {
	uint64_t	id;		/* first: idset looks here */
	uint32_t	at;
};

struct running {
	struct file	*file;
	struct idset	 places;
	uint32_t	*free;		/* places, the last ones first */
	uint32_t	 free_len;
	struct running_note *before;	/* of the broker before, by id */
	size_t		 before_len;
};

static void
read_boot_id(char out[BOOT_ID_BYTES])
{
	int	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, BOOT_ID_BYTES);
	if (fd < 0)
		return;
	if (read(fd, out, BOOT_ID_BYTES) != BOOT_ID_BYTES)
		memset(out, 0, BOOT_ID_BYTES);
	close(fd);
}

static int
by_id(const void *a, const void *b)
{
	const struct running_note	*x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* What stands there, if it is of this start of the machine. */
static void
read_before(struct running *r, const char *boot_id)
{
	const struct file	*f = r->file;

	if (f->magic != MAGIC || boot_id[0] == '\0' || memcmp(f->boot_id, boot_id, BOOT_ID_BYTES) != 0)
		return;
	for (uint32_t i = 0; i < RUNNING_NOTES; i++) {
		if (f->notes[i].id == 0)
			continue;
		r->before = mem_resize(r->before, r->before_len + 1, sizeof(*r->before));
		r->before[r->before_len++] = f->notes[i];
	}
	if (r->before_len > 0)
		qsort(r->before, r->before_len, sizeof(*r->before), by_id);
}

/* The whole of it, without a hole that a full disk would make a crash of. */
static int
map_file(struct running *r, int fd, char *why, size_t size)
{
	int	rc = posix_fallocate(fd, 0, sizeof(*r->file));

	if (rc != 0) {
		snprintf(why, size, "running: %s", strerror(rc));
		return -rc;
	}
	r->file = mmap(NULL, sizeof(*r->file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->file != MAP_FAILED)
		return 0;
	rc = -errno;
	snprintf(why, size, "running: %s", strerror(-rc));
	return rc;
}

static void
begin_anew(struct running *r, const char *boot_id)
{
	memset(r->file->notes, 0, sizeof(r->file->notes));
	memcpy(r->file->boot_id, boot_id, BOOT_ID_BYTES);
	r->file->magic = MAGIC;
	r->free = mem_alloc(RUNNING_NOTES * sizeof(*r->free));
	for (uint32_t i = 0; i < RUNNING_NOTES; i++)
		r->free[i] = RUNNING_NOTES - 1 - i;
	r->free_len = RUNNING_NOTES;
}

int
running_open(const char *state_dir, struct running **out, char *why, size_t size)
{
	char		*path = mem_printf("%s/running", state_dir), boot_id[BOOT_ID_BYTES];
	int		 fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), rc;
	struct running	*r;

	free(path);
	if (fd < 0) {
		rc = -errno;
		snprintf(why, size, "running: %s", strerror(-rc));
		return rc;
	}
	r = mem_zalloc(1, sizeof(*r));
	rc = map_file(r, fd, why, size);
	close(fd);
	if (rc != 0) {
		free(r);
		return rc;
	}
	read_boot_id(boot_id);
	read_before(r, boot_id);
	begin_anew(r, boot_id);
	*out = r;
	return 0;
}

void
running_close(struct running *r)
{
	struct place	*p;

	if (r == NULL)
		return;
	memset(r->file->notes, 0, sizeof(r->file->notes));
	munmap(r->file, sizeof(*r->file));
	for (size_t at = 0; (p = idset_next(&r->places, &at)) != NULL; )
		free(p);
	idset_free(&r->places);
	free(r->free);
	free(r->before);
	free(r);
}

void
running_put(struct running *r, const struct running_note *note)
{
	struct place	*p;

	if (r == NULL)
		return;
	if ((p = idset_get(&r->places, note->id)) == NULL) {
		if (r->free_len == 0)
			return;
		p = mem_alloc(sizeof(*p));
		*p = (struct place){ .id = note->id, .at = r->free[--r->free_len] };
		idset_put(&r->places, p);
	}
	r->file->notes[p->at] = *note;
}

void
running_clear(struct running *r, uint64_t id)
{
	struct place	*p;

	if (r == NULL || (p = idset_del(&r->places, id)) == NULL)
		return;
	r->file->notes[p->at].id = 0;
	r->free[r->free_len++] = p->at;
	free(p);
}

bool
running_was(const struct running *r, uint64_t id, struct running_note *out)
{
	struct running_note		 key = { .id = id };
	const struct running_note	*found = r == NULL || r->before_len == 0 ? NULL :
	    bsearch(&key, r->before, r->before_len, sizeof(key), by_id);

	if (found != NULL)
		*out = *found;
	return found != NULL;
}

void
running_forget(struct running *r)
{
	if (r == NULL)
		return;
	free(r->before);
	r->before = NULL;
	r->before_len = 0;
}
