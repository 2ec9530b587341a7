/*
 * jobd_client.c - echo jobs of 64 bytes through jobd's process lane.  Runs in: the benchmark.
 *
 *   jobd_client unix:PATH|tcp:HOST:PORT TOKEN rate COUNT INFLIGHT   jobs per second, INFLIGHT open calls
 *   jobd_client unix:PATH|tcp:HOST:PORT TOKEN one COUNT             p50 and p99 of one call at a time, us
 */
#include "tests/bench/client.h"

#define REPLY_BYTES	(1 << 18)
#define REQUEST_BYTES	256

static char	payload[PAYLOAD_BYTES + 1];	/* a JSON string, quotes counted */

static int
connect_to(char *address)
{
	char	*port;

	if (strncmp(address, "unix:", 5) == 0)
		return connect_unix(address + 5);
	if (strncmp(address, "tcp:", 4) != 0 || (port = strrchr(address + 4, ':')) == NULL) {
		fprintf(stderr, "not an address: %s\n", address);
		exit(2);
	}
	*port++ = '\0';
	return connect_tcp(address + 4, port);
}

static size_t
print_request(char *out, long id)
{
	return (size_t)sprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"job.call\","
	    "\"params\":{\"type\":\"echo\",\"args\":%s,\"lane\":\"process\"}}\n", id, payload);
}

/* A reply that is not the echo of the payload ends the measurement. */
static void
check_reply(const char *line, size_t len)
{
	if (memmem(line, len, "\"succeeded\"", 11) == NULL || memmem(line, len, payload, PAYLOAD_BYTES) == NULL) {
		fprintf(stderr, "unexpected reply: %.*s\n", (int)len, line);
		exit(1);
	}
}

/* Reads until there is at least one whole line; takes all whole lines off; returns how many. */
static long
take_replies(int fd)
{
	static char	in[REPLY_BYTES];
	static size_t	have;
	long		lines = 0;
	char		*line = in, *end;

	while (lines == 0) {
		have += read_some(fd, in + have, sizeof(in) - have);
		while ((end = memchr(line, '\n', (size_t)(in + have - line))) != NULL) {
			check_reply(line, (size_t)(end - line));
			line = end + 1;
			lines++;
		}
	}
	have = (size_t)(in + have - line);
	memmove(in, line, have);
	return lines;
}

static void
authenticate(int fd, const char *token)
{
	char	line[1024];
	int	len;

	if (token[0] == '\0')
		return;
	len = snprintf(line, sizeof(line), "{\"id\":0,\"method\":\"hello\",\"params\":{\"token\":\"%s\"}}\n", token);
	write_all(fd, line, (size_t)len);
	for (size_t got = 0; got == 0 || line[got - 1] != '\n';)
		got += read_some(fd, line + got, sizeof(line) - got);
	if (strstr(line, "\"error\"") != NULL) {
		fprintf(stderr, "refused: %s", line);
		exit(1);
	}
}

static void
send_requests(int fd, long *next, long n)
{
	static char	out[REPLY_BYTES];
	size_t		len = 0;

	for (; n > 0; n--) {
		len += print_request(out + len, ++*next);
		if (len > sizeof(out) - REQUEST_BYTES || n == 1) {
			write_all(fd, out, len);
			len = 0;
		}
	}
}

static void
measure_rate(int fd, long count, long inflight)
{
	int64_t	start = now_ns();
	long	sent = 0, done = 0;

	send_requests(fd, &sent, inflight < count ? inflight : count);
	while (done < count) {
		long	got = take_replies(fd);

		done += got;
		send_requests(fd, &sent, got < count - sent ? got : count - sent);
	}
	print_rate(count, start);
}

static void
measure_one(int fd, long count)
{
	int64_t	*times = calloc((size_t)count, sizeof(*times));
	long	 sent = 0;

	if (times == NULL)
		die("calloc");
	for (long i = 0; i < count; i++) {
		int64_t	start = now_ns();

		send_requests(fd, &sent, 1);
		take_replies(fd);
		times[i] = now_ns() - start;
	}
	print_percentiles(times, count);
	free(times);
}

int
main(int argc, char **argv)
{
	int	fd;

	if (argc < 5 || (strcmp(argv[3], "rate") == 0 && argc < 6)) {
		fprintf(stderr, "usage: jobd_client ADDRESS TOKEN rate COUNT INFLIGHT | one COUNT\n");
		return 2;
	}
	memset(payload, 'x', PAYLOAD_BYTES);
	payload[0] = payload[PAYLOAD_BYTES - 1] = '"';
	fd = connect_to(argv[1]);
	authenticate(fd, argv[2]);
	if (strcmp(argv[3], "rate") == 0)
		measure_rate(fd, number_argument(argv[4]), number_argument(argv[5]));
	else
		measure_one(fd, number_argument(argv[4]));
	close(fd);
	return 0;
}
