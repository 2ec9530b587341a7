/*
 * running.h - which durable jobs run at this moment, told to the next broker.
 *
 * Starting an attempt writes nothing to the store: nothing depends on it, since an attempt without a
 * recorded end is made again.  But people want to know that it was, and why it ended.  So what runs is
 * noted in the file `running` of the state directory, through a mapping: no system call, and it is
 * there after any death of the broker.  It is not synced; after a start of the machine it is not
 * believed, and nobody knows what ran.
 */
#ifndef STORE_RUNNING_H
#define STORE_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNNING_NOTES	16384	/* at once; of more, nothing is known after a crash */
#define RUNNING_WORKER_BYTES	35	/* which make a note 64 bytes */

struct running;

/* A row of the file. */
struct running_note {
	uint64_t	id;		/* of a job; 0: this place is free */
	uint64_t	fence;
	int64_t		started_ms;
	uint32_t	number;		/* of the attempt */
	uint8_t		lane;
	char		worker[RUNNING_WORKER_BYTES];	/* its name, cut; not NUL-terminated when full */
};

/*
 * What the broker before left is read, and the file begins anew.  0, or -errno with a sentence in
 * why[size].
 */
int running_open(const char *state_dir, struct running **out, char *why, size_t size);
/* A clean end: nothing runs. */
void running_close(struct running *r);

/* In all that follows r may be NULL: then nothing is noted, and nothing known.
 *
 * An attempt of the job starts: in the place of the one before. */
void running_put(struct running *r, const struct running_note *note);
/* What became of it is in the store. */
void running_clear(struct running *r, uint64_t id);

/* Did it run when the broker before ended?  False: no, or nobody knows. */
bool running_was(const struct running *r, uint64_t id, struct running_note *out);
/* Nobody asks any more. */
void running_forget(struct running *r);

#endif
