/* around_lanes.h - what lanes ask of the broker, for programs that have lanes and no broker. */
#ifndef TESTS_UNIT_AROUND_LANES_H
#define TESTS_UNIT_AROUND_LANES_H

#include <stdlib.h>

#include "daemon/broker/keep.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/reload.h"
#include "daemon/broker/route/programs.h"
#include "proto/control.h"
#include "tests/unit/unit.h"

void keep_adopt(struct broker *b, struct type *t) { (void)b; (void)t; }
void keep_measured(struct broker *b, struct type *t) { (void)b; (void)t; }
void keep_program_measured(struct broker *b, struct program *p) { (void)b; (void)p; }
void keep_program_drop(struct broker *b, struct program *p) { programs_drop(b->programs, p); }
void broker_ready(struct broker *b) { (void)b; }
void broker_stop(struct broker *b, int64_t deadline_ms) { (void)b; (void)deadline_ms; }
void broker_fail(struct broker *b, const char *why) { (void)b; fail_msg("%s", why); abort(); }
/* No remote worker comes here, and the time is the test's. */
int
net_tls(struct net *n, int fd)
{
	(void)n;
	(void)fd;
	return 0;
}

void
net_worker_closed(struct net *n)
{
	(void)n;
}

void
reload_take(struct broker *b, const struct control_msg *m, const int *fds, size_t nfds)
{
	(void)b;
	(void)fds;
	(void)nfds;
	fail_msg("no reload is expected kind=%u", m->kind);
}

void
reload_refused(struct broker *b, const struct control_msg *m)
{
	reload_take(b, m, NULL, 0);
}

void
broker_clocks(struct broker *b)
{
	(void)b;
}

void
logs_add(struct broker *b, struct attempt *at, enum log_stream s, int64_t at_ms, const char *p, size_t len)
{
	(void)b;
	(void)at;
	(void)s;
	(void)at_ms;
	(void)p;
	(void)len;
}
void logs_ended(struct broker *b, const struct attempt *at) { (void)b; (void)at; }
bool logs_held(const struct broker *b, const struct attempt *at) { (void)b; (void)at; return false; }

#endif
