/*
 * ctl.h - one run of jobctl: its verb, its options, the daemon it talks to, what it prints.
 *
 * What goes wrong is said once, on stderr, by the function here that finds it; verbs pass the exit
 * status on.  Data goes to ctl->out and from there to stdout.
 */
#ifndef CLIENT_CTL_H
#define CLIENT_CTL_H

#include "client/exit.h"
#include "client/jobd.h"
#include "client/json.h"
#include "client/options.h"
#include "client/verbs.h"
#include "lib/buf.h"
#include "lib/parse.h"

#define CTL_ANSWER_MS	INT64_C(30000)	/* for methods that answer at once */
#define CTL_LINE_BYTES	((int64_t)4 << 20)	/* of a reply, unless a verb wants otherwise */

#define CONN_FOREVER	JOBD_FOREVER

/* One of result and error is there (len > 0): raw JSON, lent by its future. */
struct reply {
	struct span	result;
	struct span	error;
};

struct ctl {
	const struct verb	*verb;
	struct options		 opt;
	struct jobd		*conn;
	struct jobd_future	*last;		/* of ctl_ask: lends its answer */
	bool			 asks_for_type;	/* what is not found is the type named first */
	char			*principal;	/* who the daemon says we are */
	char			*server;	/* its version */
	int64_t			 daemon_line;	/* the longest line that it takes; 0: not told */
	int64_t			 line_bytes;	/* the longest that it may send */
	struct buf		 out;
};

/* The command line of jobctl, argv[0] and all.  Returns the exit status. */
int ctl_run(int argc, char **argv);

/* `jobctl VERB: text` on stderr, made safe.  ctl_fail returns code as this verb gives it. */
void ctl_say(const struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int ctl_fail(const struct ctl *ctl, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and where to read on. */
int ctl_usage(const struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Finds the daemon, connects and says hello; line_bytes: CTL_LINE_BYTES, or what fits.
 * 0 or the exit status.
 */
int ctl_connect(struct ctl *ctl, int64_t line_bytes);
/* As ctl_connect, but what went wrong comes as a sentence in why[size]. */
int ctl_try_connect(struct ctl *ctl, int64_t line_bytes, char *why, size_t size);

/* Asks and waits; *result lives until the next question.  0, or the exit status, reason said. */
int ctl_ask(struct ctl *ctl, const char *method, const struct buf *params, int64_t timeout_ms,
    struct span *result);
/* The connection is lost, or the time to wait is over: what jobd_wait or jobd_next said. */
int ctl_lost(struct ctl *ctl, int rc);
/* A request could not be sent. */
int ctl_unsent(struct ctl *ctl, const struct jobd_error *err);
/* The daemon's reply in a future that is done; false: there is none, the connection is lost. */
bool ctl_reply(const struct jobd_future *f, struct reply *out);
/* The daemon answered with an error: says it, about what (NULL: nothing more to say). */
int ctl_error(struct ctl *ctl, struct span error, const char *about);
/* What a reply says of itself is missing. */
int ctl_odd(const struct ctl *ctl, const char *method);

/* Writes ctl->out to stdout; 0 or the exit status. */
int ctl_flush(struct ctl *ctl);
/* `text` and a newline to ctl->out. */
void ctl_line(struct ctl *ctl, struct span text);

/* -o json and -o ndjson. */
static inline bool
ctl_wants_json(const struct ctl *ctl)
{
	return ctl->opt.format == FORMAT_JSON || ctl->opt.format == FORMAT_NDJSON;
}

/* Is stream (0, 1, 2) a terminal; colour: and are colours wanted there? */
bool ctl_is_terminal(int fd);
bool ctl_colour(int fd);

#endif
