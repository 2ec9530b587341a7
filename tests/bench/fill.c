/*
 * fill.c - hands in jobs of 64 bytes that nobody takes, pipelined.  Runs in: the benchmark.
 *
 *   fill jobd ADDRESS TOKEN QUEUE COUNT DURABILITY
 *                                           job.submit_many, 1,000 at a time (COUNT: a multiple)
 *   fill gearmand PORT COUNT                SUBMIT_JOB_BG
 *   fill beanstalkd PORT COUNT              put
 */
#include "tests/bench/gearman_packet.h"
#include "tests/bench/jobd_lines.h"

#define MANY		1000
#define OPEN		200		/* jobs handed in and not acknowledged yet */

static char	in[1 << 16];

/* ---- jobd ---- */

static char *
print_many(const char *queue, const char *durability, size_t *len)
{
	char	 payload[PAYLOAD_BYTES + 1];
	char	*line = malloc(64 + MANY * (REQUEST_BYTES + strlen(queue) + strlen(durability)));

	if (line == NULL)
		die("malloc");
	print_payload(payload);
	*len = (size_t)sprintf(line, "{\"id\":1,\"method\":\"job.submit_many\",\"params\":{\"jobs\":[");
	for (int i = 0; i < MANY; i++)
		*len += (size_t)sprintf(line + *len, "%s{\"type\":\"echo\",\"args\":%s,\"queue\":\"%s\","
		    "\"lane\":\"process\",\"durability\":\"%s\"}", i > 0 ? "," : "", payload, queue,
		    durability);
	*len += (size_t)sprintf(line + *len, "]}}\n");
	return line;
}

static void
fill_jobd(const char *address, const char *token, const char *queue, long count, const char *durability)
{
	size_t	 len;
	char	*line = print_many(queue, durability, &len);
	int	 fd = jobd_connect(address, token);

	for (long done = 0; done < count; done += MANY) {
		size_t	got = 0;

		write_all(fd, line, len);
		while (got == 0 || in[got - 1] != '\n')
			got += read_some(fd, in + got, sizeof(in) - got);
		if (memmem(in, got, "\"errors_total\":0", 16) == NULL) {
			fprintf(stderr, "refused: %.*s\n", (int)got, in);
			exit(1);
		}
	}
	free(line);
}

/* ---- the others: one command a job, one acknowledgement each ---- */

/* Reads once; returns how many acknowledgements came. */
static long
take_packets(int fd)
{
	static size_t		have;
	struct gearman_packet	p;
	size_t			at = 0;
	long			n = 0;

	have += read_some(fd, in + have, sizeof(in) - have);
	for (; gearman_next(in + at, have - at, &p); at += p.len)
		n += p.type == GEARMAN_JOB_CREATED;
	have -= at;
	memmove(in, in + at, have);
	return n;
}

static long
take_lines(int fd)
{
	size_t	got = read_some(fd, in, sizeof(in));
	long	n = 0;

	for (size_t i = 0; i < got; i++)
		n += in[i] == '\n';
	return n;
}

static void
fill(int fd, const char *one, size_t len, long count, long (*take)(int fd))
{
	for (long sent = 0, done = 0; done < count;) {
		if (sent < count && sent - done < OPEN) {
			write_all(fd, one, len);
			sent++;
		} else {
			done += take(fd);
		}
	}
}

int
main(int argc, char **argv)
{
	char	one[256], payload[PAYLOAD_BYTES + 1];
	size_t	len;

	print_payload(payload);
	if (argc == 7 && strcmp(argv[1], "jobd") == 0) {
		fill_jobd(argv[2], argv[3], argv[4], number_argument(argv[5]), argv[6]);
	} else if (argc == 4 && strcmp(argv[1], "gearmand") == 0) {
		len = gearman_print_submit(one, GEARMAN_SUBMIT_JOB_BG);
		fill(connect_tcp("127.0.0.1", argv[2]), one, len, number_argument(argv[3]), take_packets);
	} else if (argc == 4 && strcmp(argv[1], "beanstalkd") == 0) {
		len = (size_t)sprintf(one, "put 0 0 60 %d\r\n%s\r\n", PAYLOAD_BYTES, payload);
		fill(connect_tcp("127.0.0.1", argv[2]), one, len, number_argument(argv[3]), take_lines);
	} else {
		fprintf(stderr, "usage: fill jobd ADDRESS TOKEN QUEUE COUNT DURABILITY | gearmand PORT COUNT |"
		    " beanstalkd PORT COUNT\n");
		return 2;
	}
	return 0;
}
