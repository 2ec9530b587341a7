/*
 * threads.c - one connection for each thread.
 *
 *	threads [THREADS [CALLS]]
 *
 * A connection and its futures are for one thread at a time; different connections never touch.
 * So each thread opens its own, keeps a few calls on their way, and takes them as they end.
 */
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jobd.h>

#define AT_ONCE	16

struct worker {
	pthread_t	 thread;
	unsigned	 number, calls;
	unsigned	 good;
};

static atomic_uint	sum;		/* of what all threads have back */

static struct jobd_future *
start(struct jobd *j, const struct worker *w, unsigned n)
{
	struct jobd_error	 why;
	struct jobd_future	*f;
	char			 args[32];

	snprintf(args, sizeof(args), "[%u, %u]", w->number, n);
	f = jobd_start_call(j, &(struct jobd_job){ .type = "echo", .args = args }, &why);
	if (f == NULL)
		errx(1, "thread %u: %s", w->number, why.message);
	return f;
}

static void
take(struct worker *w, struct jobd_future *f)
{
	unsigned	number, n;

	if (jobd_error(f) != NULL)
		warnx("thread %u: %s", w->number, jobd_error(f)->message);
	else if (sscanf(jobd_result(f, NULL), "[%u, %u]", &number, &n) == 2 && number == w->number) {
		atomic_fetch_add(&sum, n);
		w->good++;
	}
	jobd_forget(f);
}

static void *
work(void *arg)
{
	struct worker		*w = arg;
	struct jobd_error	 why;
	struct jobd_future	*f;
	struct jobd		*j;
	unsigned		 started = 0, ended = 0;

	if (jobd_open(NULL, &j, &why) != 0)
		errx(1, "thread %u: %s", w->number, why.message);
	while (ended < w->calls) {
		while (started < w->calls && started - ended < AT_ONCE)
			start(j, w, started++);
		if (jobd_next(j, JOBD_FOREVER, &f) != 0)
			errx(1, "thread %u: %s", w->number, jobd_broken(j)->message);
		take(w, f);
		ended++;
	}
	jobd_close(j);
	return NULL;
}

static unsigned
count(const char *text)
{
	unsigned long	n = strtoul(text, NULL, 10);

	if (n < 1 || n > 1000000)
		errx(2, "usage: threads [THREADS [CALLS]]");
	return (unsigned)n;
}

int
main(int argc, char **argv)
{
	unsigned	 threads = argc > 1 ? count(argv[1]) : 4;
	unsigned	 calls = argc > 2 ? count(argv[2]) : 1000, good = 0;
	struct worker	*w = calloc(threads, sizeof(*w));

	if (w == NULL)
		err(1, NULL);
	for (unsigned i = 0; i < threads; i++) {
		w[i].number = i;
		w[i].calls = calls;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			errx(1, "no thread");
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(w[i].thread, NULL);
		good += w[i].good;
	}
	printf("%u of %u calls, sum %u\n", good, threads * calls, atomic_load(&sum));
	free(w);
	return good != threads * calls;
}
