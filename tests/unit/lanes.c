/* lanes.c - the broker's end of the lanes, with the test as supervisor and as worker. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/keep.h"
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/reload.h"
#include "daemon/broker/route/programs.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "proto/channel.h"
#include "proto/control.h"
#include "tests/unit/around_lanes.h"

#define HELLO	"{\"types\":[{\"name\":\"work\",\"traits\":{},\"lanes\":[\"process\"],\"run\":true}]}"

struct rig {
	struct broker		 b;
	int			 supervisor;
	struct control_msg	 cpu;		/* the start of the cpu worker, the last one asked for */
	struct channel_worker	*worker;
	unsigned		 starts;	/* of cpu workers */
};

static void
settle(struct rig *r)
{
	struct effect	e;

	while (core_next_effect(r->b.core, r->b.now, &e))
		if (e.kind == EFFECT_START)
			lanes_start(r->b.lanes, e.attempt);
	lanes_publish(r->b.lanes);
}

static void
turn(struct rig *r)
{
	r->b.now.mono_ns = clock_mono_ns();
	event_base_loop(r->b.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	lanes_harvest(r->b.lanes, 100);
	lanes_tick(r->b.lanes);
	settle(r);
}

/* Takes the starts that were asked for, and becomes the cpu worker. */
static void
supervise(struct rig *r)
{
	struct control_msg	 m;
	struct channel_fds	 ends;
	int			 fds[CONTROL_FDS_MAX];
	size_t			 n;

	while (control_receive(r->supervisor, &m, fds, &n) == 1) {
		assert_int_equal(m.kind, CONTROL_START);
		if (m.lane == CONTROL_LANE_CPU) {
			ends = (struct channel_fds){ fds[0], fds[1], fds[2], -1 };
			channel_detach(r->worker);
			assert_int_equal(channel_attach(&ends, &r->worker), 0);
			r->cpu = m;
			r->starts++;
		} else {
			for (size_t i = 0; i < n; i++)
				fd_close(&fds[i]);
		}
	}
}

static void
open_rig(struct rig *r)
{
	struct core_config	cfg = { .keep_finished = 10, .keep_finished_ms = 60000, .keep_failed_ms = 60000,
	    .keep_finished_bytes = 1 << 20, .max_waiting = 10, .max_waiting_bytes = 1 << 20 };
	int			pair[2];

	*r = (struct rig){ 0 };
	config_init(&r->b.config);
	settings_init(&r->b.settings);
	r->b.config.cpu_workers = 1;
	r->b.base = event_base_new();
	r->b.core = core_new(&cfg);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	r->b.control_fd = pair[0];
	r->supervisor = pair[1];
	r->b.now.mono_ns = clock_mono_ns();
	r->b.lanes = lanes_new(&r->b, r->b.control_fd);
	supervise(r);
	assert_int_equal(r->starts, 1);
}

static void
close_rig(struct rig *r)
{
	channel_detach(r->worker);
	lanes_free(r->b.lanes);
	core_free(r->b.core);
	event_base_free(r->b.base);
	config_fini(&r->b.config);
	close(r->b.control_fd);
	close(r->supervisor);
}

/* The worker's part: takes its next entry and ends it with this output. */
static void
answer(struct rig *r, enum channel_op op, const char *text)
{
	struct channel_entry	e;
	size_t			len = strlen(text);

	assert_true(channel_take(r->worker, &e));
	assert_int_equal(e.op, op);
	assert_true(len <= e.out_cap);
	memcpy(e.out, text, len);
	channel_complete(r->worker, &e, CHANNEL_OK, (uint32_t)len, 0);
	turn(r);
}

static struct job *
submit(struct rig *r)
{
	struct jobspec		 spec = { .type = { "work", 4 }, .args = { "1", 1 },
	    .queue = { "q", 1 }, .lane = -1 };
	struct submitter	*by = submitter_new("uid:0", "", "unix");
	struct type		*t = core_type_find(r->b.core, "work", 4);
	struct job		*j;

	assert_non_null(t);
	assert_int_equal(core_submit(r->b.core, r->b.now, 1, &spec, t, LANE_PROCESS, by, &j), 0);
	submitter_unref(by);
	settle(r);
	return j;
}

static void
test_a_result_that_is_not_json_fails_its_job(void **state)
{
	struct rig	r;
	struct job	*j;

	(void)state;
	open_rig(&r);
	answer(&r, CHANNEL_OP_HELLO, HELLO);
	j = submit(&r);
	answer(&r, CHANNEL_OP_RUN, "{\"a\": }");
	assert_int_equal(j->state, JOB_failed);
	assert_int_equal(job_outcome(j)->kind, FAILURE_bad_result);
	assert_non_null(strstr(job_outcome(j)->text, "is not JSON"));
	close_rig(&r);
}

static void
test_a_hello_that_comes_with_the_death_is_too_late(void **state)
{
	struct rig		r;
	struct channel_entry	e;
	struct control_msg	m;

	(void)state;
	open_rig(&r);
	assert_true(channel_take(r.worker, &e));
	memcpy(e.out, HELLO, sizeof(HELLO) - 1);
	channel_complete(r.worker, &e, CHANNEL_OK, sizeof(HELLO) - 1, 0);
	m = r.cpu;
	m.kind = CONTROL_EXITED;
	m.status = SIGKILL;
	assert_int_equal(control_send(r.supervisor, &m, NULL, 0), 0);
	for (int i = 0; i < 200 && r.starts < 2; i++) {
		usleep(1000);		/* the back-off */
		turn(&r);
		supervise(&r);
	}
	assert_int_equal(r.starts, 2);
	answer(&r, CHANNEL_OP_HELLO, HELLO);	/* core knew of no worker with this number */
	assert_int_equal(submit(&r)->state, JOB_running);
	close_rig(&r);
}

static void
test_a_worker_whose_pidfd_was_lost_ends_and_is_replaced(void **state)
{
	struct rig		r;
	struct control_msg	m;

	(void)state;
	open_rig(&r);
	m = r.cpu;
	m.kind = CONTROL_STARTED;
	m.pid = getpid();
	assert_int_equal(control_send(r.supervisor, &m, NULL, 0), 0);
	turn(&r);
	answer(&r, CHANNEL_OP_HELLO, HELLO);
	assert_true(channel_stopped(r.worker));
	supervise(&r);
	assert_int_equal(r.starts, 1);		/* it lives: nobody takes its place yet */
	m.kind = CONTROL_EXITED;
	m.status = 0;
	assert_int_equal(control_send(r.supervisor, &m, NULL, 0), 0);
	turn(&r);
	supervise(&r);
	assert_int_equal(r.starts, 2);
	assert_false(channel_stopped(r.worker));
	close_rig(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_result_that_is_not_json_fails_its_job),
		cmocka_unit_test(test_a_hello_that_comes_with_the_death_is_too_late),
		cmocka_unit_test(test_a_worker_whose_pidfd_was_lost_ends_and_is_replaced),
	};

	return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
