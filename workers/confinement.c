/*
 * confinement.c - bounds of a command, as a Landlock ruleset and a seccomp filter.  Runs in: exec
 * workers, loop thread.
 *
 * A right that the kernel's ABI does not know cannot be withheld by a ruleset.  Of those only one
 * would break the promise, emptying files (before ABI 3): there the filter refuses it.
 * Source: Linux, Documentation/userspace-api/landlock.rst.
 */
#include "workers/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/confine.h"
#include "lib/fd.h"

/* Names that came with later headers than the oldest that jobd is built with. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER	(1ULL << 13)	/* ABI 2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE	(1ULL << 14)	/* ABI 3 */
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV	(1ULL << 15)	/* ABI 5 */
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET	(1ULL << 0)	/* ABI 6 */
#define LANDLOCK_SCOPE_SIGNAL			(1ULL << 1)
#endif
#define ABI_TRUNCATE	3

/* struct landlock_ruleset_attr of today; older kernels take it if what they do not know is 0. */
struct ruleset {
	uint64_t	files, net, scoped;
};

#define LOOK	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define READ	(LOOK | LANDLOCK_ACCESS_FS_EXECUTE)
/* No execute: what a command has written is run only where read_paths says so too. */
#define WRITE	(LOOK | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | \
    LANDLOCK_ACCESS_FS_IOCTL_DEV | LANDLOCK_ACCESS_FS_REFER | \
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Those that a file can have; the kernel refuses the others for it. */
#define OF_FILES	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

/* What every program takes: its loader and libraries, and devices that hold nothing. */
static const struct {
	const char	*path;
	uint64_t	 rights;
} usual[] = {
	{ "/lib", READ }, { "/lib64", READ }, { "/usr/lib", READ }, { "/usr/lib64", READ },
	{ "/usr/local/lib", READ }, { "/etc/ld.so.cache", READ }, { "/etc/ld.so.preload", READ },
	{ "/dev/null", WRITE }, { "/dev/zero", WRITE }, { "/dev/full", WRITE },
	{ "/dev/random", LOOK }, { "/dev/urandom", LOOK },
};

/* ---- files ---- */

static uint64_t
rights_of_abi(int abi)
{
	uint64_t	rights = LANDLOCK_ACCESS_FS_REFER - 1;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

struct rules {
	int		 fd;
	uint64_t	 known;		/* rights that the kernel has */
};

/* What is asked of a file alone (a program) is no directory's.  0 or -errno. */
static int
allow(const struct rules *r, int at, uint64_t rights)
{
	struct landlock_path_beneath_attr	rule = { .allowed_access = rights & r->known,
						    .parent_fd = at };
	struct stat				st;

	if (fstat(at, &st) != 0)
		return -errno;
	if (S_ISDIR(st.st_mode) && (rights & ~OF_FILES) == 0)
		return -EISDIR;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILES;
	if (syscall(__NR_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		return -errno;
	return 0;
}

static int
allow_path(const struct rules *r, const char *path, uint64_t rights)
{
	int	at = open(path, O_PATH | O_CLOEXEC), rc;

	if (at < 0)
		return -errno;
	rc = allow(r, at, rights);
	close(at);
	return rc;
}

/* A path that is said and not there is a mistake; one of ours is not on every machine. */
static int
allow_list(const struct rules *r, const char *key, const struct strings *paths, uint64_t rights,
    char *why, size_t size)
{
	int	rc;

	for (size_t i = 0; i < paths->n; i++) {
		if ((rc = allow_path(r, paths->v[i], rights)) == 0)
			continue;
		snprintf(why, size, "%s: %.200s: %s", key, paths->v[i], strerror(-rc));
		return -1;
	}
	return 0;
}

/* What is not there, or not for this user, is nothing to allow. */
static void
allow_usual(const struct rules *r, char *const *programs)
{
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		allow_path(r, usual[i].path, usual[i].rights);
	for (; *programs != NULL; programs++) {
		if ((*programs)[0] == '/')
			allow_path(r, *programs, READ & OF_FILES);
	}
}

static int
make_ruleset(struct confinement *out, const struct command_bounds *b, char *const *programs,
    int scratch, int abi, char *why, size_t size)
{
	struct rules	rules = { .known = rights_of_abi(abi) };
	struct ruleset	attr = { .files = rules.known };
	int		rc;

	if (abi >= 6)
		attr.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	rules.fd = (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if ((out->ruleset = rules.fd) < 0) {
		snprintf(why, size, "Landlock: %s", strerror(errno));
		return -1;
	}
	allow_usual(&rules, programs);
	if (scratch >= 0 && (rc = allow(&rules, scratch, WRITE)) != 0) {
		snprintf(why, size, "its temporary directory: %s", strerror(-rc));
		return -1;
	}
	if (allow_list(&rules, "read_paths", &b->read, READ, why, size) != 0)
		return -1;
	return allow_list(&rules, "write_paths", &b->write, WRITE, why, size);
}

/* ---- system calls ---- */

/* As on a machine without one. */
static void
refuse_network(struct filter *f)
{
	filter_refuse_unless(f, SYS_socket, 0, ~0u, AF_UNIX, EAFNOSUPPORT);
	filter_refuse_unless(f, SYS_socketpair, 0, ~0u, AF_UNIX, EAFNOSUPPORT);
#ifdef SYS_socketcall			/* whose arguments are out of a filter's sight */
	filter_refuse_if(f, SYS_socketcall, 0, ~0u, 1 /* SYS_SOCKET */, EAFNOSUPPORT);
	filter_refuse_if(f, SYS_socketcall, 0, ~0u, 8 /* SYS_SOCKETPAIR */, EAFNOSUPPORT);
#endif
}

/* A file that is only read, or looked at (access mode 3), is emptied by opening it so. */
static void
refuse_open(struct filter *f, uint32_t call, int flags)
{
	filter_refuse_if(f, call, flags, O_TRUNC | O_ACCMODE, O_TRUNC | O_RDONLY, EACCES);
	filter_refuse_if(f, call, flags, O_TRUNC | O_ACCMODE, O_TRUNC | O_ACCMODE, EACCES);
}

/* By the path; by a descriptor that is open for writing Landlock has allowed it. */
static void
refuse_emptying(struct filter *f)
{
	filter_refuse(f, SYS_truncate, EACCES);
#ifdef SYS_truncate64
	filter_refuse(f, SYS_truncate64, EACCES);
#endif
#ifdef SYS_open
	refuse_open(f, SYS_open, 1);
#endif
	refuse_open(f, SYS_openat, 2);
	refuse_open(f, SYS_open_by_handle_at, 2);
	filter_refuse(f, SYS_openat2, ENOSYS);	/* its flags are out of sight */
}

static void
make_filter(struct filter *f, bool no_network, bool no_emptying)
{
	filter_begin(f);
	if (no_network)
		refuse_network(f);
	if (no_emptying)
		refuse_emptying(f);
	filter_refuse(f, SYS_io_uring_setup, EPERM);	/* opens files and sockets unseen */
	filter_end(f);
}

/* ---- both ---- */

int
confinement_make(struct confinement *out, const struct command_bounds *b, char *const *programs,
    int scratch, int abi, char *why, size_t size)
{
	bool		no_emptying = b->files && abi < ABI_TRUNCATE;
	const char	*missing;

	out->ruleset = -1;
	out->filter.len = 0;
	if (!b->files && !b->no_network)
		return 0;
	if ((missing = confine_missing(b->files, b->no_network || no_emptying)) != NULL ||
	    (b->files && abi < 1)) {
		snprintf(why, size, "%s: %s", b->files ? "read_paths, write_paths" : "network",
		    missing != NULL ? missing : "the kernel has no Landlock");
		return -1;
	}
	if (b->no_network || no_emptying)
		make_filter(&out->filter, b->no_network, no_emptying);
	return b->files ? make_ruleset(out, b, programs, scratch, abi, why, size) : 0;
}

void
confinement_free(struct confinement *c)
{
	fd_close(&c->ruleset);
}
