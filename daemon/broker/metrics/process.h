/* process.h - what this process takes of the machine. */
#ifndef METRICS_PROCESS_H
#define METRICS_PROCESS_H

#include <stdint.h>

struct process {
	double		cpu_s;			/* user and system */
	int64_t		rss_bytes, virtual_bytes;
	uint64_t	open_files, max_files;
};

void process_look(struct process *out);
/* Resident memory alone. */
int64_t process_rss_bytes(void);

#endif
