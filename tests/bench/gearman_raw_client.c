/*
 * gearman_raw_client.c - echo jobs of 64 bytes through gearmand, pipelined on one connection, without
 * libgearman, whose clients wait for each submission to be acknowledged.  Runs in: the benchmark.
 *
 *   gearman_raw_client PORT COUNT INFLIGHT    jobs per second, INFLIGHT jobs open
 */
#include "tests/bench/gearman_packet.h"

#define BUFFER_BYTES	(1 << 18)

static char	payload[PAYLOAD_BYTES];

static void
submit(int fd, long n)
{
	static char	one[256], out[BUFFER_BYTES];
	static size_t	one_len;
	size_t		len = 0;

	if (one_len == 0)
		one_len = gearman_print_submit(one, GEARMAN_SUBMIT_JOB);
	for (; n > 0; n--) {
		memcpy(out + len, one, one_len);
		len += one_len;
		if (len > sizeof(out) - one_len || n == 1) {
			write_all(fd, out, len);
			len = 0;
		}
	}
}

/* 1: a job came back as it must; 0: something else. */
static long
take(const struct gearman_packet *p)
{
	if (p->type == GEARMAN_JOB_CREATED)
		return 0;
	if (p->type != GEARMAN_WORK_COMPLETE || p->body_len < PAYLOAD_BYTES ||
	    memcmp(p->body + p->body_len - PAYLOAD_BYTES, payload, PAYLOAD_BYTES) != 0) {
		fprintf(stderr, "unexpected packet of type %d\n", (int)p->type);
		exit(1);
	}
	return 1;
}

/* Reads until at least one job has come back; returns how many. */
static long
take_results(int fd)
{
	static char		in[BUFFER_BYTES];
	static size_t		have;
	struct gearman_packet	p;
	size_t			at = 0;
	long			done = 0;

	while (done == 0) {
		have += read_some(fd, in + have, sizeof(in) - have);
		for (; gearman_next(in + at, have - at, &p); at += p.len)
			done += take(&p);
	}
	have -= at;
	memmove(in, in + at, have);
	return done;
}

int
main(int argc, char **argv)
{
	long	count, inflight, sent, done = 0;
	int64_t	start;
	int	fd;

	if (argc != 4) {
		fprintf(stderr, "usage: gearman_raw_client PORT COUNT INFLIGHT\n");
		return 2;
	}
	count = number_argument(argv[2]);
	inflight = number_argument(argv[3]);
	memset(payload, 'x', sizeof(payload));
	fd = connect_tcp("127.0.0.1", argv[1]);
	start = now_ns();
	submit(fd, sent = inflight < count ? inflight : count);
	while (done < count) {
		long	got = take_results(fd);

		done += got;
		got = got < count - sent ? got : count - sent;
		submit(fd, got);
		sent += got;
	}
	print_rate(count, start);
	return 0;
}
