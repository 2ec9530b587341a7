/*
 * store.c - what the store's writer thread costs: whole lives of jobs, so many at once.
 *
 *   store DIR LIVES IN_FLIGHT ARGS_BYTES [WAITING] [nosync]
 *
 * Each of IN_FLIGHT jobs is added, ended when it is on disk, and replaced by the next.  WAITING jobs
 * are there before.  Prints a line of JSON: lives a second, microseconds of the store's threads'
 * processor time a life, the longest time that an operation took, bytes of the file,
 * and microseconds to recover each job that waits.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/broker/store/store.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define SPAN(text)	((struct span){ (text), sizeof(text) - 1 })

struct life {
	struct store_op	op;
	int64_t		put_ns;
};

struct bench {
	struct store	*s;
	struct span	 args;
	uint64_t	 begun, ended, lives;
	int64_t		*took_ns;	/* of each operation */
	uint64_t	 took;
};

static const struct span	spec = SPAN("{\"type\":\"noop\",\"queue\":\"default\",\"by\":"
    "\"uid:1000\",\"created_ms\":1790000000000,\"lane\":\"process\",\"timeout_ms\":60000}");
static const struct span	past = SPAN("{\"attempts\":[{\"lane\":\"process\",\"worker\":12,"
    "\"started_ms\":1790000000001,\"ended_ms\":1790000000002}]}");

static void
fail(const char *why)
{
	fprintf(stderr, "store: %s\n", why);
	exit(1);
}

static int64_t
process_cpu_ns(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void
put(struct bench *b, struct life *l)
{
	l->put_ns = clock_mono_ns();
	store_put(b->s, &l->op);
}

static void
put_add(struct bench *b, struct life *l)
{
	uint64_t	id = store_next_id(b->s);

	if (id == 0)
		fail("no id");
	l->op = (struct store_op){ .verb = STORE_ADD, .id = id, .spec = spec, .args = b->args };
	b->begun++;
	put(b, l);
}

static void
put_end(struct bench *b, struct life *l)
{
	uint64_t	id = l->op.id;

	l->op = (struct store_op){
		.verb = STORE_END, .id = id, .past = past,
		.end = {
			.state = 3, .created_ms = 1790000000000, .ended_ms = 1790000000002,
			.type = SPAN("noop"), .queue = SPAN("default"), .principal = SPAN("uid:1000"),
			.text = SPAN("null"),
		},
	};
	put(b, l);
}

static struct store_op *
next_done(struct bench *b)
{
	struct store_op	*op;
	struct pollfd	 p = { .fd = store_fd(b->s), .events = POLLIN };

	while ((op = store_done(b->s)) == NULL) {
		store_publish(b->s);
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			fail("poll");
	}
	if (op->result != STORE_OK)
		fail(store_result_names[op->result]);
	return op;
}

static void
fill(struct bench *b, uint64_t waiting)
{
	enum { AT_ONCE = 2000 };
	struct life	*l = mem_zalloc(AT_ONCE, sizeof(*l));

	for (uint64_t i = 0; i < waiting; i += AT_ONCE) {
		for (int k = 0; k < AT_ONCE; k++)
			put_add(b, &l[k]);
		for (int k = 0; k < AT_ONCE; k++)
			next_done(b);
	}
	b->begun = 0;
	free(l);
}

static void
run(struct bench *b, uint64_t in_flight)
{
	struct life	*lives = mem_zalloc(in_flight, sizeof(*lives));

	for (uint64_t i = 0; i < in_flight; i++)
		put_add(b, &lives[i]);
	while (b->ended < b->lives) {
		struct life	*l = (struct life *)(void *)next_done(b);

		b->took_ns[b->took++] = clock_mono_ns() - l->put_ns;
		if (l->op.verb == STORE_ADD) {
			put_end(b, l);
			continue;
		}
		b->ended++;
		if (b->begun < b->lives)
			put_add(b, l);
	}
	free(lives);
}

static int
by_time(const void *a, const void *b)
{
	const int64_t	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Microseconds for each job that waits, from open to the last row. */
static double
recover(const struct store_config *cfg)
{
	struct store_found	 f;
	struct store		*s;
	struct pollfd		 p = { .events = POLLIN };
	char			 why[256] = "";
	uint64_t		 jobs = 0;
	int64_t			 start_ns = clock_mono_ns();
	int			 rc;

	if (store_open_sqlite(cfg, &s, why, sizeof(why)) != 0)
		fail(why);
	p.fd = store_fd(s);
	store_recover(s, SIZE_MAX);
	while ((rc = store_next_found(s, &f, why, sizeof(why))) >= 0) {
		if (rc == 0 && poll(&p, 1, -1) < 0 && errno != EINTR)
			fail("poll");
		if (rc == 1 && f.is == STORE_RECOVERED)
			break;
		jobs += rc == 1;
	}
	if (rc < 0)
		fail(why);
	start_ns = clock_mono_ns() - start_ns;
	store_close(s);
	return jobs == 0 ? 0 : (double)start_ns / 1e3 / (double)jobs;
}

static int64_t
file_bytes(const char *dir)
{
	char		*path = mem_printf("%s/jobs.db", dir);
	struct stat	 st = { 0 };

	if (stat(path, &st) != 0)
		fail(path);
	free(path);
	return st.st_size;
}

int
main(int argc, char **argv)
{
	struct store_config	cfg = { .sync = true, .keep_jobs = 20000, .keep_ms = 86400000,
				    .reserve_bytes = 32 << 20 };
	struct bench		b = { 0 };
	char			why[256] = "";
	int64_t			wall_ns, cpu_ns, own_ns;
	uint64_t		waiting;

	if (argc < 5)
		fail("usage: store DIR LIVES IN_FLIGHT ARGS_BYTES [WAITING] [nosync]");
	cfg.state_dir = argv[1];
	cfg.sync = argc < 7;
	b.lives = strtoull(argv[2], NULL, 10);
	b.took_ns = mem_zalloc(2 * b.lives, sizeof(b.took_ns[0]));
	b.args.len = strtoull(argv[4], NULL, 10);
	b.args.p = memset(mem_alloc(b.args.len + 1), 'x', b.args.len);
	waiting = argc < 6 ? 0 : strtoull(argv[5], NULL, 10);
	if (store_open_sqlite(&cfg, &b.s, why, sizeof(why)) != 0)
		fail(why);
	fill(&b, waiting);
	wall_ns = clock_mono_ns();
	cpu_ns = process_cpu_ns();
	own_ns = clock_thread_cpu_ns();
	run(&b, strtoull(argv[3], NULL, 10));
	wall_ns = clock_mono_ns() - wall_ns;
	own_ns = clock_thread_cpu_ns() - own_ns;
	cpu_ns = process_cpu_ns() - cpu_ns - own_ns;
	store_close(b.s);
	qsort(b.took_ns, b.took, sizeof(b.took_ns[0]), by_time);
	printf("{\"lives_s\":%.0f,\"writer_us\":%.2f,\"loop_us\":%.2f,\"p50_us\":%" PRId64
	    ",\"p99_us\":%" PRId64 ",\"max_us\":%" PRId64 ",\"file_bytes\":%" PRId64
	    ",\"recover_us\":%.2f}\n",
	    (double)b.lives * 1e9 / (double)wall_ns, (double)cpu_ns / 1e3 / (double)b.lives,
	    (double)own_ns / 1e3 / (double)b.lives, b.took_ns[b.took / 2] / 1000,
	    b.took_ns[b.took / 100 * 99] / 1000, b.took_ns[b.took - 1] / 1000, file_bytes(argv[1]),
	    recover(&cfg));
	free((char *)(uintptr_t)b.args.p);
	free(b.took_ns);
	return 0;
}
