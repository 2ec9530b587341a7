/*
 * exec.c - the exec worker: its libuv loop starts commands and watches them.  No threads.
 *
 * Streams and SIGCHLD are in an epoll set of their own, edge-triggered, so that a command costs two
 * calls there and not ten.  What has happened to a command only marks it; before the loop sleeps
 * each marked one goes on as far as it can, once.
 */
#include "workers/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/title.h"
#include "workers/exec_main.h"
#include "workers/proc.h"
#include "workers/spawn.h"

#define TAKE_MAX	64	/* entries taken in one turn: a start costs more than a look */
#define EVENTS_MAX	256
#define PATH_USUAL	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct exec	exec;

static uv_loop_t	loop;
static uv_poll_t	kick, happened;
static uv_prepare_t	prepare;
static uv_check_t	check;
static uv_idle_t	idle;
static uv_timer_t	timer;
static uint32_t		cancels_seen;
static int		children = -1;	/* signalfd of SIGCHLD */
static const char	*label;

/* ---- entries ---- */

void
exec_complete(const struct channel_entry *e, enum channel_status status, uint32_t len,
    uint64_t aux)
{
	channel_complete(exec.channel, e, status, len, aux);
	exec.unsignalled = true;
}

void
exec_complete_failed(const struct channel_entry *e, const char *message)
{
	outcome_fail(e, "error", false, message);
}

void
exec_touch(struct run *r)
{
	if (!list_linked(&r->dirty))
		list_push_back(&exec.dirty, &r->dirty);
}

/* Its types are the broker's business: it is told with each attempt what to run. */
static void
answer_hello(const struct channel_entry *e)
{
	static const char	text[] = "{\"types\":[],\"plugins\":[]}";

	if (e->out_cap < sizeof(text) - 1) {
		exec_complete_failed(e, "no room");
		return;
	}
	memcpy(e->out, text, sizeof(text) - 1);
	exec_complete(e, CHANNEL_OK, sizeof(text) - 1, 0);
}

static void
drop(uint64_t token)
{
	struct kept	*k = idmap_del(&exec.kept, token);

	if (k == NULL)
		return;
	exec.kept_bytes -= k->len;
	free(k->text);
	free(k);
}

/* The piece that reaches the end is the last: what was kept is let go with it. */
static void
answer_fetch(const struct channel_entry *e)
{
	const struct kept	*k = idmap_get(&exec.kept, e->arg);
	size_t			 len;

	if (k == NULL || e->deadline_ns > k->len) {
		exec_complete_failed(e,
		    k == NULL ? "no such result is kept" : "the result is shorter");
		return;
	}
	len = k->len - e->deadline_ns;
	if (len > e->out_cap)
		len = e->out_cap;
	memcpy(e->out, k->text + e->deadline_ns, len);
	exec_complete(e, CHANNEL_OK, (uint32_t)len, k->len);
	if (e->deadline_ns + len == k->len)
		drop(e->arg);
}

static void
answer_signal(struct run *r, const struct channel_entry *e)
{
	if (run_signal(r, e->deadline_ns < NSIG ? (int)e->deadline_ns : 0))
		exec_complete(e, CHANNEL_OK, 0, 0);
	else
		exec_complete_failed(e, "no such signal, or the command has ended");
}

static void
answer_about_run(const struct channel_entry *e)
{
	struct run	*r = idmap_get(&exec.runs, e->arg);

	if (r == NULL)
		exec_complete_failed(e, "no such command runs here");
	else if (e->op == CHANNEL_OP_OUTPUT)
		streams_output(r, e);
	else if (e->op == CHANNEL_OP_INPUT)
		streams_input(r, e);
	else
		answer_signal(r, e);
}

static void
answer(const struct channel_entry *e)
{
	switch (e->op) {
	case CHANNEL_OP_RUN:
		run_begin(e);
		break;
	case CHANNEL_OP_HELLO:
		answer_hello(e);
		break;
	case CHANNEL_OP_FETCH:
		answer_fetch(e);
		break;
	case CHANNEL_OP_DROP:
		drop(e->arg);
		exec_complete(e, CHANNEL_OK, 0, 0);
		break;
	case CHANNEL_OP_OUTPUT:
	case CHANNEL_OP_INPUT:
	case CHANNEL_OP_SIGNAL:
		answer_about_run(e);
		break;
	default:
		exec_complete_failed(e, "an operation that this worker does not know");
	}
}

static void
take_entries(void)
{
	struct channel_entry	e;

	for (int i = 0; i < TAKE_MAX && channel_take(exec.channel, &e); i++)
		answer(&e);
}

/* Some cancel word was written: who was asked to end? */
static void
tell_cancelled(void)
{
	uint32_t	count = channel_cancel_count(exec.channel);

	if (count == cancels_seen)
		return;
	cancels_seen = count;
	list_for (node, &exec.all) {
		struct run	*r = list_entry(node, struct run, link);

		if (channel_cancelled(exec.channel, &r->entry))
			run_cancel(r);
	}
}

/* ---- deaths ---- */

/* Looked at before it is reaped: then its pid is anybody's. */
static void
reap_one(pid_t pid)
{
	struct tree	*t = tree_of_main(pid);
	struct run	*r = t == NULL ? NULL : list_entry(t, struct run, tree);
	struct rusage	 used;
	bool		 was_main;
	int		 status;

	if (r != NULL)
		proc_io(pid, &r->used.read_bytes, &r->used.write_bytes);
	if (wait4(pid, &status, WNOHANG, &used) != pid)
		return;
	if ((t = tree_reaped(pid, &was_main)) != NULL)
		run_reaped(list_entry(t, struct run, tree), was_main, status, &used);
}

static void
reap_all(void)
{
	struct signalfd_siginfo	news;
	siginfo_t		info;

	while (read(children, &news, sizeof(news)) == sizeof(news))
		continue;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		reap_one(info.si_pid);
	}
}

/* ---- turns of the loop ---- */

static void
stream_event(struct stream *s)
{
	s->ready = true;
	exec_touch(s->run);
}

/* Set for all, so that no stream's event is looked at behind the end of its command. */
static void
look_at_events(uv_poll_t *handle, int status, int events)
{
	struct epoll_event	ev[EVENTS_MAX];
	bool			deaths = false;
	int			n;

	(void)handle;
	(void)status;
	(void)events;
	if ((n = epoll_wait(exec.epoll, ev, EVENTS_MAX, 0)) < 0)
		return;
	for (int i = 0; i < n; i++)
		if (ev[i].data.ptr == NULL)
			deaths = true;
		else
			stream_event(ev[i].data.ptr);
	if (deaths)
		reap_all();
}

static void
advance(void)
{
	struct list	 now;
	struct list	*node;

	if (exec.look)
		tree_look();
	exec.look = false;
	list_init(&now);
	list_append(&now, &exec.dirty);
	while ((node = list_pop(&now)) != NULL)
		run_advance(list_entry(node, struct run, dirty));
}

static void
time_passed(uv_timer_t *handle)
{
	int64_t			 now_ns = clock_mono_ns();
	struct heap_node	*n;

	(void)handle;
	while ((n = heap_min(&exec.graces)) != NULL && n->key <= now_ns) {
		heap_remove(&exec.graces, n);
		run_grace_over(list_entry(n, struct run, grace));
	}
	while ((n = heap_min(&exec.spents)) != NULL && n->key <= now_ns)
		run_spent_due(list_entry(n, struct run, spent_due), now_ns);
}

static void
set_timer(void)
{
	static int64_t		 set_ns;
	const struct heap_node	*grace = heap_min(&exec.graces), *spent = heap_min(&exec.spents);
	int64_t			 next_ns = INT64_MAX, now_ns;

	if (grace != NULL)
		next_ns = grace->key;
	if (spent != NULL && spent->key < next_ns)
		next_ns = spent->key;
	if (next_ns == INT64_MAX || (next_ns == set_ns && uv_is_active((uv_handle_t *)&timer)))
		return;
	set_ns = next_ns;
	now_ns = clock_mono_ns();
	uv_timer_start(&timer, time_passed,
	    next_ns <= now_ns ? 0 : (uint64_t)((next_ns - now_ns) / NS_PER_MS + 1), 0);
}

static void
show_counts(void)
{
	static unsigned	shown;
	char		text[64];

	if (exec.count == shown)
		return;
	shown = exec.count;
	snprintf(text, sizeof(text), exec.count == 0 ? "%s" : "%s [%u running]", label,
	    exec.count);
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
	advance();
	if (exec.unsignalled)
		channel_signal(exec.channel);
	exec.unsignalled = false;
	show_counts();
	set_timer();
	if (exec.count == 0 && channel_stopped(exec.channel))
		uv_stop(&loop);
	else if (!list_empty(&exec.dirty) || !channel_sleep(exec.channel))
		uv_idle_start(&idle, turn_again);	/* so that the loop does not block */
}

static void
after_poll(uv_check_t *handle)
{
	(void)handle;
	uv_idle_stop(&idle);
	channel_awake(exec.channel);
	channel_follow_log(exec.channel);
	take_entries();
	tell_cancelled();
}

/* Nobody is left to tell.  What runs must not outlive the worker.  That it died jobd says, if it did. */
static void
broker_is_gone(void)
{
	log_info("the broker is gone");
	tree_look();
	list_for (node, &exec.all)
		run_abandon(list_entry(node, struct run, link));
	_exit(0);
}

static void
kicked(uv_poll_t *handle, int status, int events)
{
	(void)handle;			/* the kick itself is taken in after_poll */
	if (status != 0 || (events & UV_DISCONNECT) != 0)
		broker_is_gone();
}

/* ---- set-up ---- */

static const char *
of_environment(const char *name, const char *usual)
{
	const char	*value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : usual;
}

static int
watch_children(void)
{
	struct epoll_event	ev = { .events = EPOLLIN };
	sigset_t		set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if ((exec.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
	    (children = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) < 0 ||
	    epoll_ctl(exec.epoll, EPOLL_CTL_ADD, children, &ev) != 0)
		return -errno;
	return 0;
}

static int
watch_descriptors(void)
{
	int	rc;

	if ((rc = uv_poll_init(&loop, &kick, channel_kick_fd(exec.channel))) != 0 ||
	    (rc = uv_poll_start(&kick, UV_READABLE | UV_DISCONNECT, kicked)) != 0 ||
	    (rc = uv_poll_init(&loop, &happened, exec.epoll)) != 0)
		return rc;
	return uv_poll_start(&happened, UV_READABLE, look_at_events);
}

int
exec_init(struct channel_worker *channel, size_t max_result, const char *name)
{
	int	rc;

	label = name;
	exec.channel = channel;
	exec.max_result = max_result;
	exec.path = of_environment("PATH", PATH_USUAL);
	exec.home = of_environment("HOME", "/");
	exec.lang = of_environment("LANG", "C.UTF-8");
	list_init(&exec.all);
	list_init(&exec.dirty);
	group_init(getenv("JOBD_CGROUP"));
	if ((exec.null = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		return -errno;
	if ((rc = tree_init()) != 0 || (rc = spawn_init()) != 0 || (rc = watch_children()) != 0 ||
	    (rc = uv_loop_init(&loop)) != 0)
		return rc;
	uv_prepare_init(&loop, &prepare);
	uv_check_init(&loop, &check);
	uv_idle_init(&loop, &idle);
	uv_timer_init(&loop, &timer);
	uv_prepare_start(&prepare, before_poll);
	uv_check_start(&check, after_poll);
	return watch_descriptors();
}

static void
exec_fini(void)
{
	struct kept	*k;
	size_t		 at = 0;

	uv_close((uv_handle_t *)&kick, NULL);
	uv_close((uv_handle_t *)&happened, NULL);
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_close((uv_handle_t *)&check, NULL);
	uv_close((uv_handle_t *)&idle, NULL);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	while ((k = idmap_next(&exec.kept, &at)) != NULL) {
		free(k->text);
		free(k);
	}
	idmap_free(&exec.kept);
	idmap_free(&exec.runs);
	heap_free(&exec.graces);
	heap_free(&exec.spents);
	group_fini();
	tree_fini();
	spawn_fini();
	close(children);
	close(exec.epoll);
	close(exec.null);
}

void
exec_loop(void)
{
	title_set(label);
	uv_run(&loop, UV_RUN_DEFAULT);
	exec_fini();
}
