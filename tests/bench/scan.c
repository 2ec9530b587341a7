/*
 * scan.c - what a line costs: scanned and parsed by proto/, against jansson building a tree of it.
 *
 * Prints nanoseconds per line for both, medians over rounds that take turns, and their ratio.
 * Not a test: run it by hand, `tests/bench/scan [ROUNDS]`.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "proto/jobspec.h"
#include "proto/json_scan.h"
#include "proto/rpc.h"

#define ROUND_NS	(20 * NS_PER_MS)
#define ROUNDS_MAX	1001

struct line {
	const char	*name;
	char		*text;
	size_t		 len;
};

static const struct rpc_limits	limits = { BOUND_DEPTH, BOUND_VALUES };

static void
cannot(const char *what)
{
	fprintf(stderr, "scan: %s\n", what);
	exit(1);
}

/* The jobs of a submit_many, one by one. */
static void
run_many(const struct rpc_value *jobs)
{
	struct rpc_value	params[RPC_PARAMS];
	struct rpc_error	err;
	struct jobspec		spec;
	struct span		text;
	struct buf		scratch = { 0 };
	size_t			at = 0;

	while (rpc_array_next(jobs->p, jobs->len, &at, &limits, &text, &err) == 1)
		if (rpc_parse_members(text.p, text.len, jobspec_params, jobspec_required, &limits,
		    params, &scratch, &err) != 0 || jobspec_read(params, &spec, &err) != 0)
			cannot(err.message);
	buf_free(&scratch);
}

/* What the broker does with a line. */
static void
run_parse(const struct line *l)
{
	struct rpc_call		call;
	struct rpc_error	err;
	struct jobspec		spec;

	if (rpc_parse(l->text, l->len, &limits, &call, &err) != 0)
		cannot(err.message);
	if (call.method == METHOD_job_submit_many)
		run_many(&call.params[PARAM_jobs]);
	else if (jobspec_read(call.params, &spec, &err) != 0)
		cannot(err.message);
	rpc_call_fini(&call);
}

static void
run_scan(const struct line *l)
{
	if (scan_check(l->text, l->len, BOUND_DEPTH) != NULL)
		cannot("not JSON");
}

static void
run_jansson(const struct line *l)
{
	json_t	*tree = json_loadb(l->text, l->len, JSON_REJECT_DUPLICATES, NULL);

	if (tree == NULL)
		cannot("jansson refuses the line");
	json_decref(tree);
}

/* Nanoseconds per line, from one round of about ROUND_NS. */
static double
one_round(void (*run)(const struct line *), const struct line *l)
{
	int64_t	begin = clock_mono_ns(), now;
	long	n = 0;

	do {
		for (int i = 0; i < 16; i++)
			run(l);
		n += 16;
		now = clock_mono_ns();
	} while (now - begin < ROUND_NS);
	return (double)(now - begin) / (double)n;
}

static int
compare(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return v[n / 2];
}

static void
measure(const struct line *l, int rounds)
{
	static double	parse[ROUNDS_MAX], scan[ROUNDS_MAX], tree[ROUNDS_MAX];
	double		p, s, t;

	for (int i = 0; i < rounds; i++) {
		parse[i] = one_round(run_parse, l);
		scan[i] = one_round(run_scan, l);
		tree[i] = one_round(run_jansson, l);
	}
	p = median(parse, rounds);
	s = median(scan, rounds);
	t = median(tree, rounds);
	printf("%-24s %8zu %10.0f %10.0f %10.0f %8.0f %9.1fx\n", l->name, l->len, p, s, t,
	    (double)l->len * 1000 / s, t / p);
}

static struct line
line_of(const char *name, struct buf *b)
{
	size_t	len = buf_len(b);

	return (struct line){ name, buf_take_string(b), len };
}

static struct line
call_line(const char *name, size_t args_bytes)
{
	struct buf	b = { 0 };

	buf_puts(&b, "{\"jsonrpc\":\"2.0\",\"id\":12345,\"method\":\"job.call\",\"params\":{"
	    "\"type\":\"echo\",\"queue\":\"mail\",\"timeout_ms\":30000,\"args\":{\"text\":\"");
	for (size_t i = 0; i < args_bytes; i++)
		buf_putc(&b, (char)('a' + i % 26));
	buf_puts(&b, "\"}}}");
	return line_of(name, &b);
}

static struct line
numbers_line(const char *name, int count)
{
	struct buf	b = { 0 };

	buf_puts(&b, "{\"id\":1,\"method\":\"job.call\",\"params\":{\"type\":\"echo\",\"args\":[0");
	for (int i = 1; i < count; i++)
		buf_printf(&b, ",%d.%d", i, i % 97);
	buf_puts(&b, "]}}");
	return line_of(name, &b);
}

static struct line
many_line(const char *name, int jobs)
{
	struct buf	b = { 0 };

	buf_puts(&b, "{\"id\":1,\"method\":\"job.submit_many\",\"params\":{\"jobs\":[");
	for (int i = 0; i < jobs; i++)
		buf_printf(&b, "%s{\"type\":\"file.digest\",\"args\":{"
		    "\"path\":\"/srv/data/%d/file.bin\",\"algorithm\":\"sha256\"},"
		    "\"queue\":\"digests\",\"labels\":{\"run\":\"%d\"}}",
		    i > 0 ? "," : "", i, i / 7);
	buf_puts(&b, "]}}");
	return line_of(name, &b);
}

int
main(int argc, char **argv)
{
	int		rounds = argc > 1 ? atoi(argv[1]) : 11;
	struct line	lines[] = {
		call_line("job.call, short", 20),
		call_line("job.call, 64 KiB of text", 64 << 10),
		numbers_line("job.call, 5,000 numbers", 5000),
		many_line("job.submit_many, 1,000", 1000),
	};

	if (rounds < 1 || rounds > ROUNDS_MAX)
		cannot("ROUNDS must be 1 to 1001");
	printf("%-24s %8s %10s %10s %10s %8s %10s\n", "line", "bytes", "parse ns", "scan ns",
	    "jansson ns", "MB/s", "tree/parse");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		measure(&lines[i], rounds);
		free(lines[i].text);
	}
	return 0;
}
