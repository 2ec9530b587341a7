/*
 * exit.h - what jobctl's exit status says.  Source: the table in jobctl(1), section EXIT STATUS.
 *
 * `call` and `result` stand for one job and exit as that job does; what jobctl itself could not do
 * is then 125 or above, so that it cannot be taken for the job's own status.
 */
#ifndef CLIENT_EXIT_H
#define CLIENT_EXIT_H

#include <stdbool.h>

enum exit_code {
	EXIT_GOOD		= 0,
	EXIT_NOT_ALL		= 1,	/* a job did not succeed */
	EXIT_USAGE		= 2,
	EXIT_NOT_FOUND		= 3,
	EXIT_WAIT_TIMEOUT	= 4,
	EXIT_REFUSED		= 5,
	EXIT_UNREACHABLE	= 6,
	EXIT_BUSY		= 7,
	EXIT_CONFLICT		= 8,
	EXIT_JOB_TIMEOUT	= 124,
	EXIT_CANNOT		= 125,	/* jobctl itself could not do it */
	EXIT_FORBIDDEN		= 126,
	EXIT_NO_TYPE		= 127,
};

/* A code of the plain table as a verb that stands for one job gives it. */
int exit_of_code(int code, bool one_job);
/* error.data.kind of a request that was not served. */
int exit_of_error(const char *kind, bool one_job);
/* A finished job; failure: its failure.kind, or NULL. */
int exit_of_outcome(const char *state, const char *failure, bool one_job);

#endif
