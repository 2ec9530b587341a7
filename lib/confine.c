/* confine.c - what the kernel has of Landlock and seccomp.  Runs in: anywhere. */
#include "lib/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int
confine_landlock_abi(void)
{
	long	abi = syscall(__NR_landlock_create_ruleset, NULL, 0,
		    LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static const char *
missing_landlock(void)
{
	if (confine_landlock_abi() > 0)
		return NULL;
	if (errno == EOPNOTSUPP)
		return "Landlock is not among the kernel's active security modules (lsm=)";
	if (errno == EPERM || errno == EACCES)
		return "Landlock is refused to programs here";
	return "the kernel has no Landlock";
}

/* A kernel that takes filters reads them first: EFAULT. */
static const char *
missing_seccomp(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == 0 || errno == EFAULT)
		return NULL;
	return "the kernel takes no seccomp filters";
}

const char *
confine_missing(bool files, bool network)
{
	const char	*why = files ? missing_landlock() : NULL;

	return why == NULL && network ? missing_seccomp() : why;
}
