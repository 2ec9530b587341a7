/*
 * submits.c - how long a durable submission takes until it is answered.  Runs in: the benchmark.
 *
 *   submits ADDRESS TOKEN QUEUE COUNT INFLIGHT     p50 and p99, us; INFLIGHT open at a time
 */
#include "tests/bench/jobd_lines.h"

#define REPLY_BYTES	(1 << 18)

static char	out[REQUEST_BYTES], in[REPLY_BYTES];

static size_t
print_submit(const char *queue, long id)
{
	char	payload[PAYLOAD_BYTES + 1];

	print_payload(payload);
	return (size_t)snprintf(out, sizeof(out), "{\"id\":%ld,\"method\":\"job.submit\",\"params\":{"
	    "\"type\":\"echo\",\"args\":%s,\"queue\":\"%s\",\"lane\":\"process\","
	    "\"durability\":\"commit\"}}\n", id, payload, queue);
}

/* Its number is in every reply, since they come in the order of commits. */
static long
number_of(const char *line, size_t len)
{
	const char	*id = memmem(line, len, "\"id\":", 5);

	if (id == NULL || memmem(line, len, "\"result\"", 8) == NULL) {
		fprintf(stderr, "refused: %.*s\n", (int)len, line);
		exit(1);
	}
	return strtol(id + 5, NULL, 10);
}

/* Reads once; notes when whole replies came, and returns how many. */
static long
take(int fd, const int64_t *sent, int64_t *took, long *done)
{
	static size_t	have;
	char		*line = in, *end;
	long		 n = 0;

	have += read_some(fd, in + have, sizeof(in) - have);
	for (; (end = memchr(line, '\n', have - (size_t)(line - in))) != NULL; line = end + 1, n++)
		took[(*done)++] = now_ns() - sent[number_of(line, (size_t)(end - line))];
	have -= (size_t)(line - in);
	memmove(in, line, have);
	return n;
}

int
main(int argc, char **argv)
{
	long	 count = argc == 6 ? number_argument(argv[4]) : 0, open = 0, done = 0;
	long	 inflight = argc == 6 ? number_argument(argv[5]) : 0;
	int64_t	*sent = calloc((size_t)count + 1, sizeof(*sent));
	int64_t	*took = calloc((size_t)count + 1, sizeof(*took));
	int	 fd;

	if (argc != 6 || sent == NULL || took == NULL) {
		fprintf(stderr, "usage: submits ADDRESS TOKEN QUEUE COUNT INFLIGHT\n");
		return 2;
	}
	fd = jobd_connect(argv[1], argv[2]);
	for (long id = 0; done < count;) {
		if (id < count && open < inflight) {
			size_t	len = print_submit(argv[3], id);

			sent[id++] = now_ns();
			write_all(fd, out, len);
			open++;
		} else {
			open -= take(fd, sent, took, &done);
		}
	}
	print_percentiles(took, count);
	return 0;
}
