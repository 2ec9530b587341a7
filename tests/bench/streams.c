/*
 * streams.c - closed loops of job.call, several at once, over one connection.  Runs in: the
 * benchmark.
 *
 *   streams ADDRESS TOKEN WARM_MS MEASURE_MS { TYPE INFLIGHT ARGS }...
 *
 * Each stream keeps INFLIGHT calls of its type open; ARGS is JSON, or several of them with `|`
 * between, that take turns.  Prints a line for each stream: jobs per second, p50 and p99 in microseconds, of those
 * that ended in the MEASURE_MS; a call that was open all that time counts for p50 and p99 with its
 * age, or whoever is starved would have the best of times.  A job that did not succeed ends the
 * benchmark.
 */
#include "tests/bench/jobd_lines.h"

#include <poll.h>

#define STREAMS_MAX	16
#define CALLS_MAX	8192
#define ARGS_MAX	8
#define IN_BYTES	(1 << 18)
#define OUT_BYTES	(1 << 18)

struct stream {
	const char	*type;
	long		 ended;
	char		*args[ARGS_MAX];
	unsigned	 args_len, turn;
	long		 inflight;
	int64_t		*times_ns;
	long		 done, cap;
};

/* An open call; its number is the request's id. */
struct slot {
	struct stream	*stream;
	int64_t		 since_ns;
};

static struct stream	streams[STREAMS_MAX];
static struct slot	slots[CALLS_MAX];
static unsigned		streams_len, slots_len;
static char		out[OUT_BYTES];
static size_t		out_len;

static void
flush(int fd)
{
	write_all(fd, out, out_len);
	out_len = 0;
}

static void
call(int fd, unsigned number)
{
	struct slot	*slot = &slots[number];
	struct stream	*s = slot->stream;

	if (out_len > sizeof(out) - 4096)
		flush(fd);
	slot->since_ns = now_ns();
	out_len += (size_t)snprintf(out + out_len, sizeof(out) - out_len, "{\"jsonrpc\":\"2.0\","
	    "\"id\":%u,\"method\":\"job.call\",\"params\":{\"type\":\"%s\",\"args\":%s,"
	    "\"cancel_on_disconnect\":true}}\n", number,
	    s->type, s->args[s->turn++ % s->args_len]);
}

static void
record(struct stream *s, int64_t took_ns)
{
	if (s->done == s->cap) {
		s->cap = s->cap == 0 ? 4096 : s->cap * 2;
		if ((s->times_ns = realloc(s->times_ns, (size_t)s->cap * sizeof(int64_t))) == NULL)
			die("realloc");
	}
	s->times_ns[s->done++] = took_ns;
}

static void
take_reply(int fd, char *line, size_t len, bool measured)
{
	const char	*id = memmem(line, len, "\"id\":", 5);
	unsigned	 number = id == NULL ? CALLS_MAX : (unsigned)atoi(id + 5);

	if (number >= slots_len || memmem(line, len, "\"succeeded\"", 11) == NULL) {
		fprintf(stderr, "unexpected reply: %.*s\n", (int)len, line);
		exit(1);
	}
	if (measured) {
		record(slots[number].stream, now_ns() - slots[number].since_ns);
		slots[number].stream->ended++;
	}
	call(fd, number);
}

static void
take_replies(int fd, bool measured)
{
	static char	in[IN_BYTES];
	static size_t	have;
	char		*line = in, *end;

	have += read_some(fd, in + have, sizeof(in) - have);
	while ((end = memchr(line, '\n', (size_t)(in + have - line))) != NULL) {
		take_reply(fd, line, (size_t)(end - line), measured);
		line = end + 1;
	}
	have = (size_t)(in + have - line);
	memmove(in, line, have);
	flush(fd);
}

static void
run(int fd, int64_t warm_ns, int64_t measure_ns)
{
	int64_t		start_ns = now_ns(), now;
	struct pollfd	p = { .fd = fd, .events = POLLIN };

	for (unsigned i = 0; i < slots_len; i++)
		call(fd, i);
	flush(fd);
	while ((now = now_ns()) < start_ns + warm_ns + measure_ns)
		if (poll(&p, 1, 10) > 0)
			take_replies(fd, now >= start_ns + warm_ns);
	for (unsigned i = 0; i < slots_len; i++)
		if (slots[i].since_ns < start_ns + warm_ns)
			record(slots[i].stream, now - slots[i].since_ns);
}

static void
print_stream(struct stream *s, double seconds)
{
	qsort(s->times_ns, (size_t)s->done, sizeof(*s->times_ns), compare_times);
	printf("%.1f %.1f %.1f\n", (double)s->ended / seconds,
	    (double)s->times_ns[s->done / 2] / 1e3,
	    (double)s->times_ns[s->done - 1 - s->done / 100] / 1e3);
}

static void
read_stream(char **words)
{
	struct stream	*s = &streams[streams_len++];
	char		*args = words[2];

	s->type = words[0];
	s->inflight = number_argument(words[1]);
	for (char *part; (part = strsep(&args, "|")) != NULL && s->args_len < ARGS_MAX;)
		s->args[s->args_len++] = part;
	for (long i = 0; i < s->inflight; i++) {
		if (slots_len == CALLS_MAX) {
			fprintf(stderr, "more than %d calls in flight\n", CALLS_MAX);
			exit(2);
		}
		slots[slots_len++].stream = s;
	}
}

int
main(int argc, char **argv)
{
	int64_t	measure_ns;
	int	fd;

	if (argc < 8 || (argc - 5) % 3 != 0 || (argc - 5) / 3 > STREAMS_MAX) {
		fprintf(stderr, "usage: streams ADDRESS TOKEN WARM_MS MEASURE_MS {TYPE INFLIGHT ARGS}...\n");
		return 2;
	}
	for (int i = 5; i < argc; i += 3)
		read_stream(argv + i);
	measure_ns = number_argument(argv[4]) * 1000000;
	fd = jobd_connect(argv[1], argv[2]);
	run(fd, number_argument(argv[3]) * 1000000, measure_ns);
	for (unsigned i = 0; i < streams_len; i++)
		print_stream(&streams[i], (double)measure_ns / 1e9);
	close(fd);
	return 0;
}
