/*
 * channel_pause.h - included before the channel's sources when they are built for hang_soak:
 * between two steps of the protocol the process sometimes lets others run, or sleeps.
 */
#ifndef CRASH_CHANNEL_PAUSE_H
#define CRASH_CHANNEL_PAUSE_H

#include <sched.h>
#include <stdint.h>
#include <unistd.h>

uint32_t rig_random(void);

static inline void
channel_pause(void)
{
	uint32_t	r = rig_random() % 64;

	if (r < 8)
		sched_yield();
	else if (r == 8)
		usleep(rig_random() % 100);
}

#define CHANNEL_STEP()	channel_pause()

#endif
