/*
 * channel_rig.h - a small broker for the crash tests of the channel: workers that are forked, jobs
 * that are numbered, and a ledger of outcomes.  What broker/lanes does in earnest, without the rest
 * of the house.
 */
#ifndef CRASH_CHANNEL_RIG_H
#define CRASH_CHANNEL_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/channel.h"

#define RIG_WORKERS	8
#define RIG_LIED	99	/* exit status of a worker that did what must be impossible */

struct rig_config {
	struct channel_config	channel;
	unsigned		workers, window;
	uint32_t		first;		/* position at which the rings start */
	/* The life of a worker, in a process of its own; incarnation counts from 0. */
	void			(*work)(struct channel_fds *fds, unsigned incarnation);
	bool			check_answers;	/* a hostile worker's are its own */
	int64_t			slow_ms;	/* who holds a job longer is killed; 0: never */
};

#define RIG_REASONS	16

struct rig_reason {
	const char	*why;
	uint64_t	 count;
};

struct rig_counts {
	uint64_t	recorded, deaths, retries, recovered, hostile, slow;
	uint64_t	twice, wrong;		/* must be 0 */
	struct rig_reason reasons[RIG_REASONS];	/* of hostile */
};

struct rig;

struct rig *rig_new(const struct rig_config *cfg);
/*
 * Runs at least so many jobs, and more as long as more(arg) says so (NULL: no more).  Then stops
 * the workers.  Dies loudly when nothing moves for 20 s: a wake-up was lost.
 */
void rig_run(struct rig *r, uint64_t jobs, bool (*more)(void *arg), void *arg);
const struct rig_counts *rig_counts(const struct rig *r);
/* Any thread: sends a signal to a worker picked by random bits. */
void rig_signal(struct rig *r, uint32_t random, int sig);
void rig_free(struct rig *r);

/* An honest life for rig_config.work: serve and rest until stopped. */
void rig_work(struct channel_fds *fds, unsigned incarnation);
/* What a job's answer must be. */
void rig_answer(char *out, const char *in, size_t len);
/*
 * Takes what is there and completes it; with a socket for kicks (a slot table then) in random
 * order.
 */
void rig_serve(struct channel_worker *w);
/* Sleeps until there is something to do, as the kind of kick demands. */
void rig_rest(struct channel_worker *w);

uint32_t rig_random(void);
void rig_seed(uint64_t seed);
/*
 * Open descriptors of this process, and how many of them and of its mappings are a channel's
 * memory.
 */
unsigned rig_open_descriptors(void);
unsigned rig_channel_memory(void);

#endif
