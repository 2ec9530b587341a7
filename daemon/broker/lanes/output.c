/* output.c - what commands say, on its way out of their workers.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/lanes.h"

/* No worker holds output back yet: there are no commands. */
void
lanes_output_wanted(struct lanes *l, uint64_t job)
{
	(void)l;
	(void)job;
}
