/*
 * beanstalkd_client.c - put, reserve and delete a job of 64 bytes, one after the other, on one connection.
 * Runs in: the benchmark.
 *
 *   beanstalkd_client PORT COUNT    p50 and p99 of a job's three commands together, us
 */
#include "tests/bench/client.h"

/* Sends a command and reads one reply of `lines` lines; the reply, NUL-terminated. */
static const char *
ask(int fd, const char *command, int lines)
{
	static char	in[1024];
	size_t		got = 0;

	write_all(fd, command, strlen(command));
	for (int seen = 0; seen < lines;) {
		size_t	more = read_some(fd, in + got, sizeof(in) - 1 - got);

		for (size_t i = got; i < got + more; i++)
			seen += in[i] == '\n';
		got += more;
	}
	in[got] = '\0';
	return in;
}

static void
run_job(int fd, const char *put)
{
	char			command[64];
	const char		*reply;
	unsigned long long	id;

	reply = ask(fd, put, 1);
	if (strncmp(reply, "INSERTED ", 9) != 0)
		die(reply);
	reply = ask(fd, "reserve\r\n", 2);
	if (sscanf(reply, "RESERVED %llu 64\r\n", &id) != 1)
		die(reply);
	snprintf(command, sizeof(command), "delete %llu\r\n", id);
	reply = ask(fd, command, 1);
	if (strcmp(reply, "DELETED\r\n") != 0)
		die(reply);
}

int
main(int argc, char **argv)
{
	char	 put[128];
	int64_t	*times;
	long	 count;
	int	 fd, len;

	if (argc < 3)
		return 2;
	count = number_argument(argv[2]);
	len = snprintf(put, sizeof(put), "put 0 0 60 %d\r\n", PAYLOAD_BYTES);
	memset(put + len, 'x', PAYLOAD_BYTES);
	memcpy(put + len + PAYLOAD_BYTES, "\r\n", 3);
	if ((times = calloc((size_t)count, sizeof(*times))) == NULL)
		die("calloc");
	fd = connect_tcp("127.0.0.1", argv[1]);
	for (long i = 0; i < count; i++) {
		int64_t	start = now_ns();

		run_job(fd, put);
		times[i] = now_ns() - start;
	}
	print_percentiles(times, count);
	free(times);
	close(fd);
	return 0;
}
