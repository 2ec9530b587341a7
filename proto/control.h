/*
 * control.h - messages between the supervisor and the broker: SOCK_SEQPACKET, one struct per
 * message.
 *
 * Both ends are ours; still, a broken message ends the conversation and is never guessed at.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which binary and which arguments a worker gets.  PLUGIN: an io worker for the async and thread
 * types of plugins alone.  EXEC: starts commands, as the user that `pool` names.  LANGUAGE: the
 * program of the NAME.worker file that `pool` names.
 */
enum control_lane {
	CONTROL_LANE_CPU, CONTROL_LANE_IO, CONTROL_LANE_PLUGIN, CONTROL_LANE_EXEC, CONTROL_LANE_LANGUAGE
};
#define CONTROL_LANES	5

enum control_kind {
	/* broker to supervisor */
	/*
	 * Start a worker; descriptors: a, b, event[, kick].  LANGUAGE: wire (its fd 3), its stdout,
	 * its stderr.
	 */
	CONTROL_START = 1,
	CONTROL_READY,		/* the broker serves: text = the `ready` line's addresses */
	CONTROL_TITLE,		/* nothing yet but a word for ps: text */
	/* the broker cannot serve: text says why; if none ever did, jobd ends with 70 */
	CONTROL_FAILED,
	CONTROL_KILL,		/* end this worker: it runs as somebody whom the broker cannot reach */
	/* supervisor to broker */
	CONTROL_STARTED,	/* pid; descriptor: pidfd.  pid < 0: could not, -errno */
	CONTROL_EXITED,		/* waitid's word on a worker: status as wait(2) has it */
	CONTROL_DRAIN,		/* SIGTERM came: drain, then end; deadline_ms from now */
	CONTROL_STOP,		/* a second SIGTERM: end now */
	/*
	 * SIGHUP, or WANT_RELOAD; descriptors: settings and catalog, as they are in the files now.
	 * The broker answers with RELOADED.
	 */
	CONTROL_RELOAD,
	/* The administrator's types and pools, at start; descriptor: a memfd with the text of
	 * proto/catalog.h */
	CONTROL_CATALOG,
	/* The certificate of TLS listeners, its key and the authority of clients, before the first
	 * CATALOG and when they have changed; descriptor: a memfd of proto/tls_files.h */
	CONTROL_TLS,
	/* Broker to supervisor: its loop turns and its store's thread answers; text: how things are.
	 * Only when it was started with --sign-ms, and so often. */
	CONTROL_ALIVE,
	/* What is set, and by whom: the first message; descriptor: a memfd of proto/settings.h */
	CONTROL_SETTINGS,
	/* The files are wrong and all stays as it is: text says how, data are members of error.data */
	CONTROL_NOT_RELOADED,
	/* broker to supervisor */
	CONTROL_WANT_RELOAD,	/* as SIGHUP */
	CONTROL_RELOADED,	/* status 0: in force; else refused: text says why, all stays */
	CONTROL_KINDS		/* how many, and none */
};

struct control_msg {
	uint32_t	kind;
	uint32_t	worker;		/* the broker's number of it, small */
	uint32_t	gen;		/* incarnation; messages about an old one are ignored */
	uint32_t	lane;		/* enum control_lane */
	int32_t		pid;
	int32_t		status;
	int64_t		deadline_ms;
	char		name[16];	/* worker's, "cpu-1" */
	char		pool[72];	/* EXEC: a user, "" the usual one; LANGUAGE: a pool */
	char		text[512];
	char		data[256];
};

#define CONTROL_FDS_MAX	4

/* 0 or -errno (-EAGAIN: would block; -EPIPE, -ECONNRESET: the other end is gone).  Never blocks. */
int control_send(int sock, const struct control_msg *m, const int *fds, size_t nfds);
/*
 * 1: *m is filled, its texts are NUL-terminated, fds[0 .. *nfds) are the caller's to close, close-
 * on-exec; 0: the other end is gone; -EAGAIN: nothing now; -EBADMSG: not a message of ours; other
 * -errno: broken.  Never blocks.
 */
int control_receive(int sock, struct control_msg *m, int fds[CONTROL_FDS_MAX], size_t *nfds);

/* Descriptor numbers and arguments at exec. */
#define CONTROL_BROKER_FD	3	/* broker: the control socket; listeners follow from 4 */
#define CONTROL_WORKER_A	3
#define CONTROL_WORKER_B	4
#define CONTROL_WORKER_EVENT	5
#define CONTROL_WORKER_KICK	6	/* io, plugin */

#endif
