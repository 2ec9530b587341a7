/* listen.c - listening sockets.  Runs in: supervisor. */
#include "daemon/supervisor/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

#define UNIX_UMASK	0117		/* leaves 0660 */

union address {
	struct sockaddr		any;
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;
	struct sockaddr_un	local;
};

/* ---- where ---- */

static const char *
scheme(const struct addr *addr)
{
	return addr->kind == ADDR_TLS ? "tls" : "tcp";
}

static const char *
numeric_host(const struct addr *addr)
{
	return strcmp(addr->host, "localhost") == 0 ? "127.0.0.1" : addr->host;
}

/* Length of the address, 0 when host is no numeric one. */
static socklen_t
fill_inet(const struct addr *addr, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, numeric_host(addr), &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(addr->port);
		return sizeof(out->v4);
	}
	if (inet_pton(AF_INET6, addr->host, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(addr->port);
		return sizeof(out->v6);
	}
	return 0;
}

static bool
is_loopback(const union address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

int
listen_check(const struct addr *addr, char *why, size_t size)
{
	union address	a;

	if (addr->kind == ADDR_UNIX)
		return 0;
#ifndef HAVE_OPENSSL
	if (addr->kind == ADDR_TLS) {
		snprintf(why, size, "tls:%s:%u: this jobd was built without TLS", addr->host,
		    addr->port);
		return -EINVAL;
	}
#endif
	if (fill_inet(addr, &a) == 0) {
		snprintf(why, size, "%s:%s:%u: is no numeric address, and names are not looked "
		    "up; write 127.0.0.1, [::1] or localhost", scheme(addr), addr->host, addr->port);
		return -EINVAL;
	}
	if (addr->kind != ADDR_TLS && !is_loopback(&a)) {
		snprintf(why, size, "tcp:%s:%u: is beyond this machine's loopback, so it needs "
		    "TLS: write tls:%s:%u, with tls.certificate and tls.key", addr->host, addr->port,
		    addr->host, addr->port);
		return -EINVAL;
	}
	return 0;
}

/* ---- unix ---- */

static void
fill_unix(const char *path, union address *out)
{
	memset(out, 0, sizeof(*out));
	out->local.sun_family = AF_UNIX;
	memcpy(out->local.sun_path, path, strlen(path) + 1);	/* parse_addr saw to the length */
}

/*
 * The socket's directory, locked, so that of two jobds that find a stale socket only one replaces
 * it.  A descriptor, or -errno.
 */
static int
lock_directory(const char *path)
{
	char	*dir = mem_strdup(path), *slash = strrchr(dir, '/');
	int	 fd;

	if (slash != NULL)
		slash[slash == dir] = '\0';
	fd = open(slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return -errno;
	}
	return fd;
}

/* Who made the socket at the other end; 0: unknown. */
static pid_t
pid_of_peer(int fd)
{
	struct ucred	cred;
	socklen_t	len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 ? cred.pid : 0;
}

/* 0: nobody answers; -EADDRINUSE; -errno.  *pid: who answers, if known. */
static int
anybody_there(const union address *a, pid_t *pid)
{
	int	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	*pid = 0;
	if (fd < 0)
		return -errno;
	if (connect(fd, &a->any, sizeof(a->local)) == 0) {
		*pid = pid_of_peer(fd);
		rc = -EADDRINUSE;
	} else if (errno == EAGAIN || errno == EPROTOTYPE) {
		rc = -EADDRINUSE;	/* its backlog is full, or it is a socket of another kind */
	} else {
		rc = errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
	}
	close(fd);
	return rc;
}

/* Makes room for our socket: 0 when there is no file now. */
static int
clear_the_way(const char *path, const union address *a, char *why, size_t size)
{
	struct stat	st;
	pid_t		pid;
	int		rc;

	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return 0;
		snprintf(why, size, "unix:%s: %s", path, strerror(errno));
		return -errno;
	}
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, size, "unix:%s: a file is there that is not a socket", path);
		return -EEXIST;
	}
	rc = anybody_there(a, &pid);
	if (rc == -EADDRINUSE && pid > 0)
		snprintf(why, size, "unix:%s: is served already, by process %d", path, (int)pid);
	else if (rc == -EADDRINUSE)
		snprintf(why, size, "unix:%s: is served already", path);
	else if (rc != 0)
		snprintf(why, size, "unix:%s: who serves there cannot be told: %s", path,
		    strerror(-rc));
	if (rc == 0 && unlink(path) != 0) {
		rc = -errno;
		snprintf(why, size, "unix:%s: the stale socket cannot be removed: %s", path,
		    strerror(-rc));
	}
	return rc;
}

/*
 * Bound with its final mode, so that there is no moment at which more could connect; 0 or -errno.
 */
static int
bind_unix(int fd, const char *path, const union address *a, struct stat *st)
{
	mode_t	before = umask(UNIX_UMASK);
	int	rc = bind(fd, &a->any, sizeof(a->local)) == 0 ? 0 : -errno;

	umask(before);
	if (rc == 0 && listen(fd, SOMAXCONN) != 0)
		rc = -errno;
	if (rc == 0 && lstat(path, st) != 0)
		rc = -errno;
	return rc;
}

static int
open_unix(struct listener *l, char *why, size_t size)
{
	const char	*path = l->addr.host;
	union address	 a;
	struct stat	 st;
	int		 dir, rc;

	fill_unix(path, &a);
	if ((dir = lock_directory(path)) < 0) {
		snprintf(why, size, "unix:%s: its directory cannot be opened: %s", path,
		    strerror(-dir));
		return dir;
	}
	if ((rc = clear_the_way(path, &a, why, size)) != 0)
		goto out;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = l->fd < 0 ? -errno : bind_unix(l->fd, path, &a, &st);
	if (rc != 0) {
		snprintf(why, size, "unix:%s: cannot be bound: %s", path, strerror(-rc));
		fd_close(&l->fd);
		goto out;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	snprintf(l->text, sizeof(l->text), "unix:%s", path);
out:
	close(dir);
	return rc;
}

/* While our descriptor is open the file's inode cannot be another's. */
static void
remove_socket(const struct listener *l)
{
	struct stat	st;
	int		dir = lock_directory(l->addr.host);

	if (lstat(l->addr.host, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->addr.host);
	fd_close(&dir);
}

/* ---- tcp ---- */

static int
bind_inet(int fd, const union address *a, socklen_t len, union address *real)
{
	socklen_t	real_len = sizeof(*real);
	int		on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -errno;
	if (a->any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return -errno;
	if (bind(fd, &a->any, len) != 0 || listen(fd, SOMAXCONN) != 0)
		return -errno;
	return getsockname(fd, &real->any, &real_len) == 0 ? 0 : -errno;
}

static int
open_inet(struct listener *l, char *why, size_t size)
{
	union address	a, real;
	socklen_t	len = fill_inet(&l->addr, &a);
	bool		v6 = a.any.sa_family == AF_INET6;
	int		rc;

	l->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = l->fd < 0 ? -errno : bind_inet(l->fd, &a, len, &real);
	if (rc != 0) {
		snprintf(why, size, "%s:%s:%u: cannot be bound: %s", scheme(&l->addr), l->addr.host,
		    l->addr.port, strerror(-rc));
		fd_close(&l->fd);
		return rc;
	}
	l->addr.port = ntohs(v6 ? real.v6.sin6_port : real.v4.sin_port);
	snprintf(l->text, sizeof(l->text), v6 ? "%s:[%s]:%u" : "%s:%s:%u", scheme(&l->addr),
	    numeric_host(&l->addr), l->addr.port);
	return 0;
}

int
listen_open(const struct addr *addr, struct listener *out, char *why, size_t size)
{
	struct listener	l = { .fd = -1, .addr = *addr };
	int		rc;

	if ((rc = listen_check(addr, why, size)) != 0)
		return rc;
	rc = addr->kind == ADDR_UNIX ? open_unix(&l, why, size) : open_inet(&l, why, size);
	if (rc != 0)
		return rc;
	*out = l;
	return 0;
}

void
listen_close(struct listener *l)
{
	if (l->fd >= 0 && l->addr.kind == ADDR_UNIX && !l->passed_on)
		remove_socket(l);
	fd_close(&l->fd);
}
