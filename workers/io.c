/*
 * io.c - the io worker: its libuv loop is the async lane, libuv's pool is the thread lane.
 *
 * Entries are taken and completions published by the loop's thread alone.  An asynchronous
 * attempt that ends is put on a list and published at the end of the turn, so its task lives
 * until its handler has returned.  Before the loop blocks the sleep is announced to the broker,
 * which then kicks the socket.
 */
#include "workers/loop_watch.h"
#include "workers/worker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

#include "lib/alloc.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/title.h"
#include "workers/handlers/handlers.h"

#define TAKE_MAX	256	/* entries taken in one turn; then timers and sockets */
#define SLAB_TASKS	64

/* A list says where it is: free, waiting, ended (these two: async); blocking ones are in none. */
struct io_task {
	struct task	task;
	struct list	link;
	bool		told;		/* its handler's cancel was called */
	uv_work_t	work;
};

static struct worker	*worker;
static uv_loop_t	 loop;
static uv_poll_t	 kick;
static uv_prepare_t	 prepare;
static uv_check_t	 check;
static uv_idle_t	 idle;

static struct list	 free_tasks, waiting, ended;
static unsigned		 waiting_count, blocking_count;
static uint32_t		 cancels_seen;
static bool		 unsignalled;

/* ---- tasks ---- */

static struct io_task *
take_task(void)
{
	if (list_empty(&free_tasks)) {		/* slabs stay: what was needed once will be again */
		struct io_task	*slab = mem_zalloc(SLAB_TASKS, sizeof(*slab));

		for (int i = 0; i < SLAB_TASKS; i++)
			list_push_back(&free_tasks, &slab[i].link);
	}
	return list_entry(list_pop(&free_tasks), struct io_task, link);
}

static void
publish(struct io_task *t)
{
	task_end(&t->task);
	unsignalled = true;
	list_push_front(&free_tasks, &t->link);
}

/* ---- the async lane ---- */

static struct uv_loop_s *
get_loop(void)
{
	return &loop;
}

static void
async_ended(struct jobd_attempt *at)
{
	struct io_task	*t = (struct io_task *)(void *)at;

	list_remove(&t->link);
	list_push_back(&ended, &t->link);
	waiting_count--;
	loop_watch_ended(&t->task, list_empty(&waiting) ? NULL :
	    &list_entry(waiting.next, struct io_task, link)->task);
}

/* Whose code the loop runs, for the case that it does not come back. */
static void
async_entered(const struct jobd_attempt *at)
{
	channel_running(worker->channel, channel_runs(worker->channel), task_of(at)->entry.token);
}

static void
async_left(void)
{
	channel_running(worker->channel, channel_runs(worker->channel), 0);
}

static const struct attempt_host	async_host =
    { task_should_stop, task_progress, async_ended, get_loop, async_entered, lines_say };

static void
start_async(struct io_task *t)
{
	t->told = false;
	list_push_back(&waiting, &t->link);
	waiting_count++;
	async_entered(&t->task.at);
	loop_watch_enter(&t->task);
	attempt_start(&t->task.at);
	loop_watch_leave(&t->task);
	async_left();
}

static void
publish_ended(void)
{
	struct list	*node;

	while ((node = list_pop(&ended)) != NULL) {
		struct io_task	*t = list_entry(node, struct io_task, link);

		attempt_settle(&t->task.at);
		publish(t);
	}
	if (unsignalled)
		channel_signal(worker->channel);
	unsignalled = false;
}

/* Some cancel word was written: who was asked to end?  Blocking attempts ask themselves. */
static void
tell_cancelled(void)
{
	uint32_t	count = channel_cancel_count(worker->channel);

	if (count == cancels_seen)
		return;
	cancels_seen = count;
	list_for_safe(node, after, &waiting) {
		struct io_task			*t = list_entry(node, struct io_task, link);
		const struct jobd_handler	*h = t->task.at.handler;

		if (t->told || h->cancel == NULL || !task_should_stop(&t->task.at))
			continue;
		t->told = true;
		async_entered(&t->task.at);
		h->cancel(&t->task.at);
		async_left();
	}
}

/* ---- the thread lane ---- */

static const struct attempt_host	thread_host =
    { task_should_stop, task_progress, NULL, NULL, NULL, lines_say };

/* Each thread of the pool has a hint word; one beyond the broker's count goes without. */
static uint32_t
thread_run(void)
{
	static atomic_uint		threads;
	static _Thread_local unsigned	number;		/* from 1; 0: none yet */

	if (number == 0)
		number = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
	return number - 1;
}

static void
block(uv_work_t *work)
{
	struct io_task	*t = work->data;
	uint32_t	 run = thread_run();
	bool		 hint = run < channel_runs(worker->channel);

	if (hint)
		channel_running(worker->channel, run, t->task.entry.token);
	task_run(&t->task);
	if (hint)
		channel_running(worker->channel, run, 0);
}

static void
block_over(uv_work_t *work, int status)
{
	(void)status;			/* never withdrawn from the pool */
	blocking_count--;
	publish(work->data);
}

static void
start_blocking(struct io_task *t)
{
	t->work.data = t;
	blocking_count++;
	uv_queue_work(&loop, &t->work, block, block_over);
}

/* ---- turns of the loop ---- */

static void
run_entry(const struct channel_entry *e)
{
	struct io_task	*t = take_task();
	enum lane	 lane;

	if (!task_begin(&t->task, worker, e, &thread_host, &lane)) {
		unsignalled = true;
		list_push_front(&free_tasks, &t->link);
	} else if (lane == LANE_ASYNC) {
		t->task.at.host = &async_host;
		start_async(t);
	} else {
		start_blocking(t);
	}
}

static void
take_entries(void)
{
	struct channel_entry	e;

	for (int i = 0; i < TAKE_MAX && channel_take(worker->channel, &e); i++) {
		if (e.op == CHANNEL_OP_RUN) {
			run_entry(&e);
		} else {
			task_answer(worker, &e);
			unsignalled = true;
		}
	}
}

static void
show_counts(void)
{
	static unsigned	waiting_shown, blocking_shown;
	char		text[128];

	if (waiting_count == waiting_shown && blocking_count == blocking_shown)
		return;
	waiting_shown = waiting_count;
	blocking_shown = blocking_count;
	if (waiting_count + blocking_count == 0)
		snprintf(text, sizeof(text), "%s", worker->label);
	else
		snprintf(text, sizeof(text), "%s [%u waiting, %u in threads]", worker->label,
		    waiting_count, blocking_count);
	title_set(text);
}

static void
turn_again(uv_idle_t *handle)
{
	(void)handle;
}

static void
before_poll(uv_prepare_t *handle)
{
	(void)handle;
	async_left();
	loop_watch_look();
	publish_ended();
	show_counts();
	if (waiting_count + blocking_count == 0 && channel_stopped(worker->channel))
		uv_stop(&loop);
	else if (!channel_sleep(worker->channel))
		uv_idle_start(&idle, turn_again);	/* so that the loop does not block */
	loop_watch_skip();
}

static void
after_poll(uv_check_t *handle)
{
	(void)handle;
	async_left();
	loop_watch_look();
	uv_idle_stop(&idle);
	channel_awake(worker->channel);
	channel_follow_log(worker->channel);
	take_entries();
	tell_cancelled();
	publish_ended();
	loop_watch_skip();
}

static void
kicked(uv_poll_t *handle, int status, int events)
{
	(void)handle;			/* the kick itself is taken in after_poll */
	if (status == 0 && (events & UV_DISCONNECT) == 0)
		return;
	log_info("the broker is gone");
	_exit(0);			/* not exit(3): threads may be in the middle of something */
}

static void
set_up(void)
{
	char	threads[24];
	int	rc;

	/*
	 * The broker gives at most io_threads attempts, and those that are stuck count.  libuv looks
	 * names up on the same threads: some are left for that, whatever attempts do.
	 */
	snprintf(threads, sizeof(threads), "%lld",
	    (long long)worker->config.io_threads + BOUND_NAME_THREADS);
	setenv("UV_THREADPOOL_SIZE", threads, 1);	/* read when the pool is first used */
	list_init(&free_tasks);
	list_init(&waiting);
	list_init(&ended);
	if ((rc = uv_loop_init(&loop)) != 0)
		log_fatal("the loop cannot be made: %s", uv_strerror(rc));
	loop_watch_init(&loop, worker->channel);
	uv_prepare_init(&loop, &prepare);
	uv_check_init(&loop, &check);
	uv_idle_init(&loop, &idle);
	uv_prepare_start(&prepare, before_poll);
	uv_check_start(&check, after_poll);
	if ((rc = uv_poll_init(&loop, &kick, channel_kick_fd(worker->channel))) != 0 ||
	    (rc = uv_poll_start(&kick, UV_READABLE | UV_DISCONNECT, kicked)) != 0)
		log_fatal("the kick socket cannot be watched: %s", uv_strerror(rc));
}

static void
tear_down(void)
{
	handlers_loop_ends();
	uv_close((uv_handle_t *)&kick, NULL);
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_close((uv_handle_t *)&check, NULL);
	uv_close((uv_handle_t *)&idle, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

void
io_main(struct worker *w)
{
	worker = w;
	set_up();
	title_set(w->label);
	uv_run(&loop, UV_RUN_DEFAULT);
	loop_watch_fini();
	tear_down();
}
