/*
 * net_random.c - any mix of calls, ends of jobs and ends of connections: each line is answered
 * once.
 */
#include "tests/unit/net_rig.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/broker/net/net.h"
#include "lib/clock.h"

#define PEERS	8
#define STEPS	3000
#define SEEDS	30

struct guest {
	struct peer	p;
	bool		open, half_closed;
	unsigned	asked, answered;	/* lines */
};

struct mix {
	struct rig	rig;
	struct guest	guests[PEERS];
	uint64_t	seed;
};

static uint32_t
rnd(struct mix *m, uint32_t below)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (uint32_t)(m->seed >> 16) % below;
}

/* ---- what guests say ---- */

static unsigned long long
some_job(struct mix *m)
{
	return core_newest_id(m->rig.b.core) + 2 - rnd(m, 12);
}

static void
put_call(struct mix *m, struct buf *out)
{
	static const char	*const types[] = { "wait", "work", "echo", "nope" };
	unsigned long long	job = some_job(m);

	switch (rnd(m, 10)) {
	case 0:
	case 1:
		buf_printf(out,
		    "{'id':1,'method':'job.call','params':{'type':'%s','args':['x']%s%s}}",
		    types[rnd(m, 4)], rnd(m, 2) == 0 ? ",'cancel_on_disconnect':true" : "",
		    rnd(m, 4) == 0 ? ",'wait_ms':1" : "");
		break;
	case 2:
		buf_printf(out, "{'id':'%0*d','method':'job.wait','params':{'id':%llu}}",
		    (int)rnd(m, 60) + 1, 7, job);
		break;
	case 3:
		buf_printf(out,
		    "{'id':2,'method':'job.wait','params':{'ids':[%llu,%llu,%llu,%llu]%s%s}}",
		    job, some_job(m), some_job(m), job, rnd(m, 2) == 0 ? ",'any':true" : "",
		    rnd(m, 4) == 0 ? ",'timeout_ms':1" : "");
		break;
	case 4:
		buf_printf(out, "{'id':3,'method':'job.cancel','params':{'id':%llu}}", job);
		break;
	case 5:
		buf_puts(out, "{'id':4,'method':'job.submit_many','params':{'jobs':["
		    "{'type':'wait'},{'type':'work'},{'type':'echo','order_key':'k'},"
		    "{'type':'wait','order_key':'k'}]}}");
		break;
	case 6:
		buf_printf(out, "{'id':5,'method':'job.get','params':{'id':%llu}}", job);
		break;
	case 7:
		buf_puts(out, "{'id':6,'method':'job.list','params':{'limit':3}}");
		break;
	case 8:
		buf_printf(out, "{'id':7,'method':'job.explain','params':{'id':%llu}}", job);
		break;
	default:
		buf_puts(out, "{'id':8,'method':'hello','params':{'max_line_bytes':2000}}");
		break;
	}
}

static void
say(struct mix *m, struct guest *g)
{
	struct buf	out = { 0 };
	unsigned	calls = rnd(m, 5) == 0 ? 1 + rnd(m, 6) : 0;

	if (rnd(m, 12) == 0)
		buf_puts(&out, "{'id':garbage");
	else if (calls == 0)
		put_call(m, &out);
	for (unsigned i = 0; i < calls && buf_len(&out) < 3000; i++) {
		buf_putc(&out, i == 0 ? '[' : ',');
		put_call(m, &out);
		if (i + 1 == calls)
			buf_putc(&out, ']');
	}
	buf_putc(&out, '\0');
	peer_say(&g->p, buf_data(&out));
	buf_free(&out);
	g->asked++;
}

/* Counts what has come, without waiting for it. */
static void
listen_to(struct guest *g)
{
	char	text[16384];
	ssize_t	n;

	while ((n = recv(g->p.fd, text, sizeof(text), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			g->answered += text[i] == '\n';
}

/* ---- what happens ---- */

static void
end_some_attempt(struct mix *m)
{
	uint64_t	job = rig_any(&m->rig, rnd(m, 1000));

	if (job == 0)
		return;
	switch (rnd(m, 3)) {
	case 0: rig_succeed(&m->rig, job, "{'some':\n'result'}"); break;
	case 1: rig_fail(&m->rig, job, "for no reason", "{'a':1}"); break;
	default: rig_end_cancelled(&m->rig, job); break;
	}
}

static void
step(struct mix *m)
{
	struct guest	*g = &m->guests[rnd(m, PEERS)];
	uint32_t	 what = rnd(m, 100);

	if (!g->open) {
		memset(g, 0, sizeof(*g));
		peer_open(&g->p, &m->rig, false);
		g->open = true;
	} else if (what < 3) {
		peer_close(&g->p);
		g->open = false;
	} else if (what < 6 && !g->half_closed) {
		shutdown(g->p.fd, SHUT_WR);
		g->half_closed = true;
	} else if (what < 50 && !g->half_closed) {
		say(m, g);
	} else if (what < 70) {
		end_some_attempt(m);
	} else if (what < 90) {
		rig_turn(&m->rig);
	} else if (what < 92) {
		rig_skip(&m->rig, 10);
	} else {
		listen_to(g);
	}
}

/* Everything that still waits gets its end; then every line that was sent has had its answer. */
static void
come_to_an_end(struct mix *m)
{
	struct net_stats	s;
	int64_t			end = clock_mono_ns() + 30 * NS_PER_S;

	for (int i = 0; i < PEERS; i++)
		if (m->guests[i].open && !m->guests[i].half_closed)
			shutdown(m->guests[i].p.fd, SHUT_WR);
	do {
		rig_skip(&m->rig, 100);
		end_some_attempt(m);
		for (int i = 0; i < PEERS; i++)
			if (m->guests[i].open)
				listen_to(&m->guests[i]);
		net_stats(m->rig.b.net, &s);
		assert_true(clock_mono_ns() < end);
	} while (s.connections > 0 || !core_idle(m->rig.b.core));
	for (int i = 0; i < PEERS; i++) {
		if (!m->guests[i].open)
			continue;
		listen_to(&m->guests[i]);
		assert_int_equal(m->guests[i].answered, m->guests[i].asked);
		peer_close(&m->guests[i].p);
	}
}

static void
assert_nobody_watches(const struct core *core)
{
	for (uint64_t id = core_oldest_id(core); id <= core_newest_id(core); id++) {
		struct job	*j = core_find(core, id);

		assert_true(j == NULL || job_run(j) == NULL || job_run(j)->watchers == NULL);
	}
}

static void
test_each_line_is_answered_once_whatever_else_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct mix	m = { .seed = seed * UINT64_C(0x9e3779b97f4a7c15) };

		rig_open(&m.rig, NULL);
		for (int i = 0; i < STEPS; i++)
			step(&m);
		come_to_an_end(&m);
		core_check(m.rig.b.core);
		assert_nobody_watches(m.rig.b.core);
		rig_close(&m.rig);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_each_line_is_answered_once_whatever_else_happens),
	};

	return cmocka_run_group_tests_name("any mix of calls", tests, NULL, NULL);
}
