/* exit.c - from errors and outcomes to exit statuses.  Runs in: jobctl. */
#include "client/exit.h"

#include <string.h>

#include "proto/rpc.h"

int
exit_of_code(int code, bool one_job)
{
	if (one_job && code >= EXIT_USAGE && code <= EXIT_CONFLICT)
		return EXIT_CANNOT;
	return code;
}

static int
one_job_code(int row)
{
	switch (row) {
	case RPC_unknown_type:
		return EXIT_NO_TYPE;
	case RPC_forbidden:
	case RPC_unauthenticated:
		return EXIT_FORBIDDEN;
	default:
		return EXIT_CANNOT;
	}
}

int
exit_of_error(const char *kind, bool one_job)
{
	int	row = rpc_error_find(kind, strlen(kind));

	if (one_job)
		return one_job_code(row);
	return row < 0 ? EXIT_REFUSED : rpc_errors[row].exit_code;
}

int
exit_of_outcome(const char *state, const char *failure, bool one_job)
{
	if (strcmp(state, "succeeded") == 0)
		return EXIT_GOOD;
	if (one_job && failure != NULL && strcmp(failure, "timeout") == 0)
		return EXIT_JOB_TIMEOUT;
	if (one_job && failure != NULL && strcmp(failure, "spawn") == 0)
		return EXIT_FORBIDDEN;
	return EXIT_NOT_ALL;
}
