/* respawn.h - when does a broker that died get a successor?  Pure: time comes as an argument. */
#ifndef SUPERVISOR_RESPAWN_H
#define SUPERVISOR_RESPAWN_H

#include <stdbool.h>
#include <stdint.h>

#define RESPAWN_STARTS_MAX	5		/* deaths before the first broker was ever ready */

struct respawn {
	unsigned	deaths;			/* since a broker was last healthy */
	bool		ever_ready;		/* some broker of this jobd served */
	bool		ready;			/* this one does */
	int64_t		ready_ns;		/* since when */
};

/* The broker serves. */
void respawn_ready(struct respawn *r, int64_t now_ns);
/*
 * The broker died, or could not be started.  Nanoseconds until the next start: 0, 10 ms, 50 ms, 250
 * ms, 1.25 s, then 5 s each time; from 0 again after one that had served for 30 s.  -1: give up, no
 * broker of this jobd was ever ready and RESPAWN_STARTS_MAX of them died.
 */
int64_t respawn_delay_ns(struct respawn *r, int64_t now_ns);

#endif
