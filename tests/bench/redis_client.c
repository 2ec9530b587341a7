/*
 * redis_client.c - jobs of 64 bytes through lists of a Redis server.
 * Runs in: the benchmark.
 *
 *   redis_client PORT COUNT INFLIGHT put     LPUSHes a second, so many open
 *   redis_client PORT COUNT INFLIGHT life    jobs a second that are pushed by one connection, popped by
 *                                            another one, and whose results are pushed there, so many at
 *                                            once
 */
#include <poll.h>

#include "tests/bench/pipeline.h"

static char	push[160], result[160];
static size_t	push_len, result_len;
static const char	pop[] = "*3\r\n$5\r\nBRPOP\r\n$4\r\njobs\r\n$1\r\n0\r\n";

static size_t
make_push(char *out, size_t size, const char *list)
{
	char	payload[PAYLOAD_BYTES + 1];

	memset(payload, 'x', PAYLOAD_BYTES);
	payload[PAYLOAD_BYTES] = '\0';
	return (size_t)snprintf(out, size, "*3\r\n$5\r\nLPUSH\r\n$%zu\r\n%s\r\n$%d\r\n%s\r\n", strlen(list),
	    list, PAYLOAD_BYTES, payload);
}

static void
say_pushes(struct pipeline *p, long n)
{
	while (n-- > 0)
		pipeline_say(p, push, push_len);
}

static void
say_pops(struct pipeline *p, long n)
{
	while (n-- > 0)
		pipeline_say(p, pop, sizeof(pop) - 1);
}

/* Numbers that pushes were answered with. */
static long
take_pushed(struct pipeline *p)
{
	char	*line;
	long	 n = 0;

	pipeline_read(p);
	while ((line = pipeline_line(p)) != NULL) {
		if (line[0] != ':') {
			fprintf(stderr, "unexpected reply: %s\n", line);
			exit(1);
		}
		n++;
	}
	return n;
}

static void
measure_pushes(struct pipeline *p, long count, long inflight)
{
	int64_t	start = now_ns();
	long	sent = inflight, done = 0;

	say_pushes(p, inflight);
	while (done < count) {
		long	got = take_pushed(p);

		done += got;
		got = got < count - sent ? got : count - sent;
		say_pushes(p, got);
		sent += got;
	}
	print_rate(count, start);
}

/* Each job that was popped has its result pushed.  How many results were taken. */
static long
work(struct pipeline *p)
{
	char	*line;
	long	 done = 0;

	pipeline_read(p);
	while ((line = pipeline_line(p)) != NULL) {
		if (line[0] == 'x') {	/* the last line of what was popped */
			pipeline_say(p, result, result_len);
		} else if (line[0] == ':') {
			done++;
		} else if (line[0] == '-') {
			fprintf(stderr, "unexpected reply: %s\n", line);
			exit(1);
		}
	}
	pipeline_flush(p);
	return done;
}

static void
measure_life(struct pipeline *giver, struct pipeline *worker, long count, long inflight)
{
	struct pollfd	fds[2] = { { giver->fd, POLLIN, 0 }, { worker->fd, POLLIN, 0 } };
	int64_t		start = now_ns();
	long		sent = inflight, done = 0;

	say_pushes(giver, inflight);
	pipeline_flush(giver);
	while (done < count) {
		long	got = 0;

		poll(fds, 2, -1);
		if (fds[1].revents != 0)
			got = work(worker);
		if (fds[0].revents != 0) {	/* no pop waits, and holds up those behind it */
			say_pops(worker, take_pushed(giver));
			pipeline_flush(worker);
		}
		done += got;
		got = got < count - sent ? got : count - sent;
		say_pushes(giver, got);
		sent += got;
		pipeline_flush(giver);
	}
	print_rate(count, start);
}

int
main(int argc, char **argv)
{
	static struct pipeline	giver, worker;
	long			count, inflight;

	if (argc != 5)
		return 2;
	count = number_argument(argv[2]);
	inflight = number_argument(argv[3]);
	push_len = make_push(push, sizeof(push), "jobs");
	result_len = make_push(result, sizeof(result), "done");
	giver.fd = connect_tcp("127.0.0.1", argv[1]);
	if (strcmp(argv[4], "put") == 0) {
		measure_pushes(&giver, count, inflight);
	} else {
		worker.fd = connect_tcp("127.0.0.1", argv[1]);
		measure_life(&giver, &worker, count, inflight);
	}
	return 0;
}
