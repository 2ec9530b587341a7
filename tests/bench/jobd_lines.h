/* jobd_lines.h - what the benchmark clients of jobd share: addresses, the login, pieces of lines. */
#ifndef BENCH_JOBD_LINES_H
#define BENCH_JOBD_LINES_H

#include "tests/bench/client.h"

#include <stdbool.h>

#define REQUEST_BYTES	320

/* A JSON string of PAYLOAD_BYTES, quotes counted, and NUL. */
static inline void
print_payload(char out[PAYLOAD_BYTES + 1])
{
	memset(out, 'x', PAYLOAD_BYTES);
	out[0] = out[PAYLOAD_BYTES - 1] = '"';
	out[PAYLOAD_BYTES] = '\0';
}

static inline size_t
print_number(char *out, long value)
{
	char	digits[20];
	size_t	n = sizeof(digits), len;

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	len = sizeof(digits) - n;
	memcpy(out, digits + n, len);
	return len;
}

static inline void
jobd_login(int fd, const char *token)
{
	char	line[1024];
	int	len;

	if (token[0] == '\0')
		return;
	len = snprintf(line, sizeof(line), "{\"id\":0,\"method\":\"hello\",\"params\":{\"token\":\"%s\"}}\n", token);
	write_all(fd, line, (size_t)len);
	for (size_t got = 0; got == 0 || line[got - 1] != '\n';)
		got += read_some(fd, line + got, sizeof(line) - got);
	if (memmem(line, (size_t)len, "\"error\"", 7) != NULL) {
		fprintf(stderr, "refused\n");
		exit(1);
	}
}

/* unix:PATH, tcp:HOST:PORT or echo:HOST:PORT */
static inline int
jobd_connect(const char *address, const char *token)
{
	char	 host[256], *port;
	int	 fd;

	if (strncmp(address, "unix:", 5) == 0) {
		fd = connect_unix(address + 5);
	} else {
		snprintf(host, sizeof(host), "%s", strchr(address, ':') == NULL ? "" : strchr(address, ':') + 1);
		if ((port = strrchr(host, ':')) == NULL) {
			fprintf(stderr, "not an address: %s\n", address);
			exit(2);
		}
		*port++ = '\0';
		fd = connect_tcp(host, port);
	}
	jobd_login(fd, token);
	return fd;
}

#endif
