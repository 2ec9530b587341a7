/* connect.c - sockets, connected within a time.  Runs in: programs that use libjobd. */
#include "client/libjobd/connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A blocking connect with a limit: Linux counts connect as sending. */
static int
connect_within(int fd, const struct sockaddr *sa, socklen_t len, int64_t timeout_ms)
{
	struct timeval	tv = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
	int		rc;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	do
		rc = connect(fd, sa, len);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return errno == EINPROGRESS || errno == EAGAIN ? -ETIMEDOUT : -errno;
	return 0;
}

static int
open_socket(int family, const struct sockaddr *sa, socklen_t len, int64_t timeout_ms, int *out)
{
	int	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	if ((rc = connect_within(fd, sa, len, timeout_ms)) != 0) {
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

static int
open_unix(const char *path, int64_t timeout_ms, int *fd)
{
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	return open_socket(AF_UNIX, (struct sockaddr *)&sa, sizeof(sa), timeout_ms, fd);
}

static int
open_tcp(const struct addr *addr, int64_t timeout_ms, int *fd)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo	*list;
	char		 port[8];
	int		 rc = -EADDRNOTAVAIL, one = 1;

	snprintf(port, sizeof(port), "%u", addr->port);
	if (getaddrinfo(addr->host, port, &hints, &list) != 0)
		return -EADDRNOTAVAIL;
	for (struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		rc = open_socket(ai->ai_family, ai->ai_addr, ai->ai_addrlen, timeout_ms, fd);
		if (rc == 0)
			break;
	}
	freeaddrinfo(list);
	if (rc == 0)
		setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return rc;
}

int
connect_to(const struct addr *addr, int64_t timeout_ms, int *fd)
{
	switch (addr->kind) {
	case ADDR_UNIX:
		return open_unix(addr->host, timeout_ms, fd);
	case ADDR_TCP:
	case ADDR_TLS:
		return open_tcp(addr, timeout_ms, fd);
	}
	return -EPROTONOSUPPORT;
}

const char *
connect_problem(int rc)
{
	return rc == -EADDRNOTAVAIL ? "no address is known for this host" : strerror(-rc);
}
