/*
 * beanstalkd_client.c - jobs of 64 bytes through beanstalkd.
 * Runs in: the benchmark.
 *
 *   beanstalkd_client PORT COUNT                  put, reserve and delete one after the other on one
 *                                                 connection: p50 and p99 of the three together, us
 *   beanstalkd_client PORT COUNT INFLIGHT put     puts a second, so many open
 *   beanstalkd_client PORT COUNT INFLIGHT life    jobs a second that are put, reserved and deleted, so
 *                                                 many at once: one connection puts, one works
 */
#include <poll.h>

#include "tests/bench/pipeline.h"

static char	put[128];
static size_t	put_len;

static void
make_put(void)
{
	put_len = (size_t)snprintf(put, sizeof(put), "put 0 0 60 %d\r\n", PAYLOAD_BYTES);
	memset(put + put_len, 'x', PAYLOAD_BYTES);
	memcpy(put + put_len + PAYLOAD_BYTES, "\r\n", 3);
	put_len += PAYLOAD_BYTES + 2;
}

static void
expect(const char *line, const char *head)
{
	if (strncmp(line, head, strlen(head)) == 0)
		return;
	fprintf(stderr, "unexpected reply: %s\n", line);
	exit(1);
}

/* ---- one at a time ---- */

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
run_job(int fd)
{
	char			command[64];
	const char		*reply;
	unsigned long long	id;

	expect(ask(fd, put, 1), "INSERTED ");
	reply = ask(fd, "reserve\r\n", 2);
	if (sscanf(reply, "RESERVED %llu 64\r\n", &id) != 1)
		die(reply);
	snprintf(command, sizeof(command), "delete %llu\r\n", id);
	expect(ask(fd, command, 1), "DELETED");
}

static void
measure_one(int fd, long count)
{
	int64_t	*times = calloc((size_t)count, sizeof(*times));

	if (times == NULL)
		die("calloc");
	for (long i = 0; i < count; i++) {
		int64_t	start = now_ns();

		run_job(fd);
		times[i] = now_ns() - start;
	}
	print_percentiles(times, count);
	free(times);
}

/* ---- many at once ---- */

static void
say_puts(struct pipeline *p, long n)
{
	while (n-- > 0)
		pipeline_say(p, put, put_len);
}

static void
say_reserves(struct pipeline *p, long n)
{
	while (n-- > 0)
		pipeline_say(p, "reserve\r\n", 9);
}

static void
measure_puts(struct pipeline *p, long count, long inflight)
{
	int64_t	start = now_ns();
	long	sent = inflight, done = 0;
	char	*line;

	say_puts(p, inflight);
	while (done < count) {
		pipeline_read(p);
		while ((line = pipeline_line(p)) != NULL) {
			expect(line, "INSERTED ");
			done++;
			if (sent < count) {
				say_puts(p, 1);
				sent++;
			}
		}
	}
	print_rate(count, start);
}

/* Deletes what was reserved.  Returns how many were deleted. */
static long
work(struct pipeline *p)
{
	char	*line, command[64];
	long	 deleted = 0;
	int	 len;

	pipeline_read(p);
	while ((line = pipeline_line(p)) != NULL) {
		if (strncmp(line, "RESERVED ", 9) == 0) {
			len = snprintf(command, sizeof(command), "delete %llu\r\n",
			    strtoull(line + 9, NULL, 10));
			pipeline_say(p, command, (size_t)len);
		} else if (strcmp(line, "DELETED") == 0) {
			deleted++;
		} else {
			expect(line, "xxxx");
		}
	}
	pipeline_flush(p);
	return deleted;
}

static void
measure_life(struct pipeline *giver, struct pipeline *worker, long count, long inflight)
{
	struct pollfd	fds[2] = { { giver->fd, POLLIN, 0 }, { worker->fd, POLLIN, 0 } };
	int64_t		start = now_ns();
	long		sent = inflight, done = 0;
	char		*line;

	say_puts(giver, inflight);
	pipeline_flush(giver);
	while (done < count) {
		long	got = 0;

		poll(fds, 2, -1);
		if (fds[1].revents != 0)
			got = work(worker);
		if (fds[0].revents != 0) {
			pipeline_read(giver);
			while ((line = pipeline_line(giver)) != NULL) {
				expect(line, "INSERTED ");
				say_reserves(worker, 1);	/* none waits, and holds up those behind it */
			}
			pipeline_flush(worker);
		}
		done += got;
		got = got < count - sent ? got : count - sent;
		say_puts(giver, got);
		sent += got;
		pipeline_flush(giver);
	}
	print_rate(count, start);
}

int
main(int argc, char **argv)
{
	static struct pipeline	giver, worker;
	long			count;

	if (argc != 3 && argc != 5)
		return 2;
	count = number_argument(argv[2]);
	make_put();
	giver.fd = connect_tcp("127.0.0.1", argv[1]);
	if (argc == 3) {
		measure_one(giver.fd, count);
	} else if (strcmp(argv[4], "put") == 0) {
		measure_puts(&giver, count, number_argument(argv[3]));
	} else {
		worker.fd = connect_tcp("127.0.0.1", argv[1]);
		measure_life(&giver, &worker, count, number_argument(argv[3]));
	}
	return 0;
}
