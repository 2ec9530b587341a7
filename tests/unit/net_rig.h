/*
 * net_rig.h - a broker inside a test: the real net, core, route and store on a real libevent base,
 * over real sockets.  The workers are the test itself: attempts that start are listed, the test
 * says how they end.
 *
 * Nothing sleeps: the test turns the broker until what it waits for is there, and moves its clock
 * by hand.
 */
#ifndef UNIT_NET_RIG_H
#define UNIT_NET_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/broker.h"
#include "lib/buf.h"

struct rig {
	struct broker	 b;
	char		 dir[64];
	int		 unix_fd, tcp_fd;
	char		 unix_path[96];
	uint16_t	 tcp_port;
};

/*
 * Types: echo (all lanes), work (process), wait (async).  settings: `--set` texts, NULL at the end.
 */
void rig_open(struct rig *r, const char *const *settings);
void rig_close(struct rig *r);
void rig_turn(struct rig *r);
/* Time passes for the net: its deadlines and timeouts that fall into ms from now happen. */
void rig_skip(struct rig *r, int64_t ms);
/* What stands in client.token. */
const char *rig_token(struct rig *r, char *out, size_t size);

/* The attempt of this job, once it is in a worker; fails the test when it does not get there. */
struct attempt *rig_attempt(struct rig *r, uint64_t job);
void rig_succeed(struct rig *r, uint64_t job, const char *json);
void rig_fail(struct rig *r, uint64_t job, const char *message, const char *data);
/* A job with an attempt in a worker, any of them (which: any number); 0: there is none. */
uint64_t rig_any(struct rig *r, unsigned which);
/* Has this attempt been told to end? */
bool rig_told(struct rig *r, uint64_t job);
void rig_end_cancelled(struct rig *r, uint64_t job);

/* How often lanes_output_wanted was called. */
extern unsigned rig_output_wanted;

struct peer {
	struct rig	*rig;
	int		 fd;
	struct buf	 in;
	char		*line;		/* the last one that peer_line gave */
};

void peer_open(struct peer *p, struct rig *r, bool tcp);
void peer_close(struct peer *p);
/* All of it, turning the broker meanwhile. */
void peer_send(struct peer *p, const char *bytes, size_t len);
void peer_say(struct peer *p, const char *text);	/* and a line feed */
void peer_sayf(struct peer *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * The next line, checked to be JSON, without its line feed; NULL at end-of-file.  Lives until the
 * next.
 */
const char *peer_line(struct peer *p);
/* Nothing comes, however often the broker turns. */
void peer_silent(struct peer *p);
const char *peer_ask(struct peer *p, const char *text);

/* The integer behind `"name":` in a line; fails the test when there is none. */
int64_t line_int(const char *line, const char *name);
void assert_has(const char *line, const char *part);
void assert_kind(const char *line, const char *kind);

#endif
