/* activation.c - sockets that were passed on.  Runs in: supervisor. */
#include "daemon/supervisor/activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/supervisor/args.h"
#include "daemon/supervisor/listen.h"
#include "lib/fd.h"
#include "lib/parse.h"

#define FIRST_FD	3
#define SOCKETS_MAX	64		/* as many as the broker takes */
#define NAME_BYTES	64

static struct {
	size_t	n;
	char	names[SOCKETS_MAX][NAME_BYTES];	/* "": unknown */
} given;

/* ---- the environment ---- */

static int64_t
number(const char *name, int64_t max)
{
	const char	*text = getenv(name);
	int64_t		 n = 0;

	if (text == NULL || parse_i64(text, strlen(text), 0, max, &n) != 0)
		return 0;
	return n;
}

/* Names are separated by colons; one that is too long is none that we know. */
static void
take_names(const char *text)
{
	for (size_t i = 0; i < given.n && text != NULL && *text != '\0'; i++) {
		size_t	len = strcspn(text, ":");

		if (len < NAME_BYTES)
			memcpy(given.names[i], text, len);
		text += len + (text[len] == ':');
	}
}

size_t
activation_take(void)
{
	memset(&given, 0, sizeof(given));
	if (number("LISTEN_PID", INT32_MAX) == getpid())
		given.n = (size_t)number("LISTEN_FDS", SOCKETS_MAX);
	take_names(getenv("LISTEN_FDNAMES"));
	for (size_t i = 0; i < given.n; i++)
		(void)fd_set_cloexec(FIRST_FD + (int)i, 1);	/* what is none is told of later */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return given.n;
}

size_t
activation_count(void)
{
	return given.n;
}

/* ---- the sockets ---- */

static bool
is_listening_stream(int fd)
{
	int		type, listens;
	socklen_t	type_len = sizeof(type), listens_len = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_len) == 0 && listens != 0;
}

/* false: of a kind that jobd does not serve, a name that is in no file system for example. */
static bool
describe(int fd, const char *scheme, struct args *out)
{
	union {
		struct sockaddr_storage	storage;
		struct sockaddr		any;
		struct sockaddr_in	v4;
		struct sockaddr_in6	v6;
		struct sockaddr_un	local;
	} a;
	socklen_t	len = sizeof(a);
	char		host[INET6_ADDRSTRLEN];

	memset(&a, 0, sizeof(a));
	if (getsockname(fd, &a.any, &len) != 0)
		return false;
	switch (a.any.sa_family) {
	case AF_UNIX:
		if (a.local.sun_path[0] == '\0' ||
		    memchr(a.local.sun_path, '\0', sizeof(a.local.sun_path)) == NULL)
			return false;
		args_addf(out, "unix:%s", a.local.sun_path);
		return true;
	case AF_INET:
		inet_ntop(AF_INET, &a.v4.sin_addr, host, sizeof(host));
		args_addf(out, "%s:%s:%u", scheme, host, ntohs(a.v4.sin_port));
		return true;
	case AF_INET6:
		inet_ntop(AF_INET6, &a.v6.sin6_addr, host, sizeof(host));
		args_addf(out, "%s:[%s]:%u", scheme, host, ntohs(a.v6.sin6_port));
		return true;
	default:
		return false;
	}
}

int
activation_addresses(struct args *out, char *why, size_t size)
{
	for (size_t i = 0; i < given.n; i++) {
		int		 fd = FIRST_FD + (int)i;
		const char	*scheme = strcmp(given.names[i], ACTIVATION_TLS) == 0 ? "tls" : "tcp";

		if (is_listening_stream(fd) && describe(fd, scheme, out))
			continue;
		snprintf(why, size, "LISTEN_FDS: descriptor %d, `%s`, is no listening stream socket "
		    "of unix (with a path) or TCP", fd, given.names[i]);
		return -EINVAL;
	}
	return 0;
}

void
activation_listener(size_t i, struct listener *l)
{
	struct args	text = { 0 };

	l->fd = FIRST_FD + (int)i;
	l->passed_on = true;
	if (describe(l->fd, l->addr.kind == ADDR_TLS ? ACTIVATION_TLS : "tcp", &text))
		snprintf(l->text, sizeof(l->text), "%s", text.v[0]);
	args_free(&text);
}
