/*
 * jobd_client.c - jobs through jobd, or their lines through a server that only echoes them.
 * Runs in: the benchmark.
 *
 *   jobd_client ADDRESS TOKEN rate LANE COUNT INFLIGHT   echo jobs a second, INFLIGHT open calls
 *   jobd_client ADDRESS TOKEN one LANE COUNT             p50 and p99 of one at a time, us
 *   jobd_client ADDRESS TOKEN sleep MS COUNT             the same of jobs that sleep (async lane)
 *   jobd_client ADDRESS TOKEN durable LANE COUNT INFLIGHT  durable jobs a second, to their outcome
 *   jobd_client ADDRESS TOKEN durable-one LANE COUNT     p50 and p99 of a durable one at a time, us
 *   jobd_client ADDRESS TOKEN call TYPE=ARGS COUNT INFLIGHT  memory jobs of any type a second
 *   jobd_client ADDRESS TOKEN call-one TYPE=ARGS COUNT   p50 and p99 of one at a time, us
 *   jobd_client ADDRESS TOKEN submit QUEUE COUNT INFLIGHT  durable submits a second, into a paused queue
 *   jobd_client ADDRESS TOKEN submit-one QUEUE COUNT     p50 and p99 of one at a time, us
 *
 * rate, one and sleep are of jobs with durability memory.
 *
 *   ADDRESS   unix:PATH, tcp:HOST:PORT; echo:HOST:PORT for echo_server, which knows no jobs
 *   TOKEN     "" where none is needed
 */
#include "tests/bench/jobd_lines.h"

#define REPLY_BYTES	(1 << 18)

static char	request_head[] = "{\"jsonrpc\":\"2.0\",\"id\":";
static char	request_tail[REQUEST_BYTES], reply_tail[REQUEST_BYTES];
static size_t	request_tail_len, reply_tail_len;

/* The same of durable submits, which wait in a paused queue. */
static void
set_submit_lines(const char *args, const char *queue)
{
	request_tail_len = (size_t)snprintf(request_tail, sizeof(request_tail),
	    ",\"method\":\"job.submit\",\"params\":{\"type\":\"echo\",\"args\":%s,\"queue\":\"%s\","
	    "\"durability\":\"commit\"}}\n", args, queue);
	reply_tail_len = (size_t)snprintf(reply_tail, sizeof(reply_tail), "\"state\":\"ready\"}}\n");
}

/* What every request ends with, and what its reply must end with. */
static void
set_lines(const char *type, const char *args, const char *lane, const char *durability, bool echoed)
{
	request_tail_len = (size_t)snprintf(request_tail, sizeof(request_tail),
	    ",\"method\":\"job.call\",\"params\":{\"type\":\"%s\",\"args\":%s,\"lane\":\"%s\","
	    "\"durability\":\"%s\"}}\n", type, args, lane, durability);
	reply_tail_len = (size_t)snprintf(reply_tail, sizeof(reply_tail), echoed ? "%s" :
	    "\"state\":\"succeeded\",\"result\":%s}}\n", echoed ? request_tail : args);
	if (strcmp(type, "echo") != 0)		/* the result is another each time: its end only */
		reply_tail_len = (size_t)snprintf(reply_tail, sizeof(reply_tail), "}}}\n");
}

/* Of any type: `TYPE=ARGS`; it must succeed, whatever its result is. */
static void
set_call_lines(const char *what)
{
	const char	*args = strchr(what, '=');
	int		 len;

	if (args == NULL)
		die("TYPE=ARGS");
	len = snprintf(request_tail, sizeof(request_tail),
	    ",\"method\":\"job.call\",\"params\":{\"type\":\"%.*s\",\"args\":%s}}\n",
	    (int)(args - what), what, args + 1);
	if (len < 0 || (size_t)len >= sizeof(request_tail))
		die("ARGS is too long");
	request_tail_len = (size_t)len;
	reply_tail_len = (size_t)snprintf(reply_tail, sizeof(reply_tail), "}}\n");
}

static size_t
print_request(char *out, long id)
{
	size_t	len = sizeof(request_head) - 1;

	memcpy(out, request_head, len);
	len += print_number(out + len, id);
	memcpy(out + len, request_tail, request_tail_len);
	return len + request_tail_len;
}

/* A reply that is not the one expected ends the measurement. */
static void
check_reply(const char *line, size_t len)
{
	if (len > reply_tail_len &&
	    memcmp(line + len - reply_tail_len, reply_tail, reply_tail_len) == 0 &&
	    memmem(line, len, "\"error\"", 7) == NULL && memmem(line, len, "\"failure\"", 9) == NULL)
		return;
	fprintf(stderr, "unexpected reply: %.*s\n", (int)len, line);
	exit(1);
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
			check_reply(line, (size_t)(end + 1 - line));
			line = end + 1;
			lines++;
		}
	}
	have = (size_t)(in + have - line);
	memmove(in, line, have);
	return lines;
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

static const struct mode {
	const char	*name;
	bool		 many, durable, submits, calls;
} modes[] = {
	{ .name = "rate", .many = true },
	{ .name = "one" },
	{ .name = "sleep" },
	{ .name = "durable", .many = true, .durable = true },
	{ .name = "durable-one", .durable = true },
	{ .name = "call", .many = true, .calls = true },
	{ .name = "call-one", .calls = true },
	{ .name = "submit", .many = true, .durable = true, .submits = true },
	{ .name = "submit-one", .durable = true, .submits = true },
};

static const struct mode *
find_mode(const char *name, bool many)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0 && modes[i].many == many)
			return &modes[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	char	args[PAYLOAD_BYTES + 1];
	const struct mode *mode = argc < 6 ? NULL : find_mode(argv[3], argc == 7);
	bool	naps;
	int	fd;

	if (mode == NULL) {
		fprintf(stderr, "usage: jobd_client ADDRESS TOKEN rate|durable LANE COUNT INFLIGHT |"
		    " one|durable-one LANE COUNT | sleep MS COUNT | call TYPE=ARGS COUNT INFLIGHT |"
		    " call-one TYPE=ARGS COUNT | submit QUEUE COUNT INFLIGHT |"
		    " submit-one QUEUE COUNT\n");
		return 2;
	}
	print_payload(args);
	naps = strcmp(mode->name, "sleep") == 0;
	if (naps)
		snprintf(args, sizeof(args), "{\"ms\":%ld}", number_argument(argv[4]));
	if (mode->submits)
		set_submit_lines(args, argv[4]);
	else if (mode->calls)
		set_call_lines(argv[4]);
	else
		set_lines(naps ? "sleep" : "echo", args, naps ? "async" : argv[4],
		    mode->durable ? "commit" : "memory", strncmp(argv[1], "echo:", 5) == 0);
	fd = jobd_connect(argv[1], argv[2]);
	if (mode->many)
		measure_rate(fd, number_argument(argv[5]), number_argument(argv[6]));
	else
		measure_one(fd, number_argument(argv[5]));
	close(fd);
	return 0;
}
