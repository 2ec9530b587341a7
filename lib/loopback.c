/* loopback.c - addresses that only this machine can reach.  Runs in: supervisor, broker. */
#include "lib/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/parse.h"

static bool
take_v4(const struct addr *a, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in	in = { .sin_family = AF_INET, .sin_port = htons(a->port) };

	if (inet_pton(AF_INET, a->host, &in.sin_addr) != 1 ||
	    ntohl(in.sin_addr.s_addr) >> 24 != 127)
		return false;
	memcpy(out, &in, sizeof(in));
	*len = sizeof(in);
	return true;
}

static bool
take_v6(const struct addr *a, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in6	in = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

	if (inet_pton(AF_INET6, a->host, &in.sin6_addr) != 1 ||
	    !IN6_IS_ADDR_LOOPBACK(&in.sin6_addr))
		return false;
	memcpy(out, &in, sizeof(in));
	*len = sizeof(in);
	return true;
}

int
loopback_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	char		copy[128];
	struct addr	a;

	if ((size_t)snprintf(copy, sizeof(copy), "tcp:%s", text) >= sizeof(copy) ||
	    parse_addr(copy, &a) != 0)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	return take_v4(&a, out, len) || take_v6(&a, out, len) ? 0 : -EINVAL;
}

bool
loopback_host(const char *text)
{
	const char		*bracket = strrchr(text, ']');
	bool			 has_port = strchr(bracket == NULL ? text : bracket, ':') != NULL;
	char			 copy[128];
	struct sockaddr_storage	 out;
	socklen_t		 len;
	struct addr		 a;

	if ((size_t)snprintf(copy, sizeof(copy), "tcp:%s%s", text, has_port ? "" : ":0") >=
	    sizeof(copy) || parse_addr(copy, &a) != 0)
		return false;
	return strcasecmp(a.host, "localhost") == 0 || take_v4(&a, &out, &len) ||
	    take_v6(&a, &out, &len);
}
