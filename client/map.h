/*
 * map.h - many jobs from lines of stdin, at most so many at once: the state of `jobctl map`.
 *
 * map_items.c turns lines into calls, map_replies.c turns replies into lines, cmd_map.c waits for
 * whatever can go on.  Everything kept is bounded: calls in flight by -j, lines to the daemon and
 * to stdout by a MiB each, what --gather holds by 64 MiB, and a result too long for a line is
 * fetched one at a time.
 *
 * The daemon is spared too: it closes a connection that leaves BOUND_OUTPUT_CLOSE unread, and
 * forgets long results early.  So lines are short when -j is large, and fewer calls run when
 * arguments or results are long.  As long as nothing is known of the results, a few calls feel
 * their way.
 */
#ifndef CLIENT_MAP_H
#define CLIENT_MAP_H

#include "client/ctl.h"
#include "client/items.h"
#include "client/map_out.h"
#include "lib/list.h"

/* One call, from its request until its line is written. */
struct flight {
	struct list	 link;		/* map->fetches: its result is long */
	uint64_t	 index;		/* of its line */
	int64_t		 job;		/* once its outcome has come */
	struct buf	 text;		/* the line so far, of a long result */
	int64_t		 offset;	/* of the next piece */
	size_t		 args_bytes;
	bool		 reduces;	/* of the reduce job */
};

enum request_kind {
	REQUEST_CALL, REQUEST_PIECE, REQUEST_LIST, REQUEST_CANCEL,
	REQUEST_CLOSE, REQUEST_GROUP	/* group.close; group.wait or group.cancel */
};

struct request {
	uint64_t	 id;		/* in map->requests */
	enum request_kind kind;
	struct flight	 *flight;	/* CALL, PIECE */
	const char	 *state;	/* LIST: of the jobs that it lists */
};

struct map_counts {
	uint64_t	started, succeeded, failed, cancelled, expired, refused;
};

struct map {
	struct ctl		*ctl;
	struct items		 items;
	struct map_out		 out;
	struct idmap		 requests;	/* id to struct request */
	uint64_t		 last_request;
	struct list		 fetches;	/* of struct flight; the first is on its way */
	struct map_counts	 counts;
	uint64_t		 inflight;	/* calls without a line yet */
	uint64_t		 most;		/* -j */
	size_t			 args_bytes;	/* of the calls in flight */
	uint64_t		 outcomes;	/* so far */
	int64_t			 result_bytes;	/* the longest result of late */
	bool			 waited;	/* MAP_FEEL_MS went by without an outcome */
	const char		*type;		/* of every job */
	bool			 command;	/* a line completes the command that the operands are */
	struct buf		 place;		/* of a command: members of args behind argv */
	struct buf		 fields;	/* of every job, after its args */
	char			*label;		/* value of the label `map` */
	char			*group;		/* of --reduce and --max-fails; NULL: none */
	char			*reduce;	/* the type of its reduce job; NULL: none */
	enum { MAP_GROUP_NONE, MAP_GROUP_OPEN, MAP_GROUP_WAITS } group_state;
	bool			 group_failed;
	bool			 no_more;	/* takes no line any more */
	bool			 interrupted;	/* what runs is being cancelled */
	bool			 hinted;	/* said how lines that are not JSON are given */
	int			 code;		/* of an error that ends it all */
};

#define MAP_FEEL_MS	50

/* How many calls may be in flight now: -j, or fewer. */
uint64_t map_calls_at_once(const struct map *m);
/* Takes lines that are here for as long as there is room.  True: more must be read first. */
bool map_take_items(struct map *m);
/* A request of a kind, on its way. */
void map_request(struct map *m, enum request_kind kind, struct flight *f, const char *state,
    const char *method, const struct buf *params);
/* All replies that are here.  0, or the exit status of a broken connection. */
int map_take_replies(struct map *m);
/* Asks for all jobs of this map that have not finished, to cancel each. */
void map_cancel_rest(struct map *m);
/* A line that cannot become a job: {"index", "id": null, "state": "refused", "failure"}. */
void map_refused(struct map *m, uint64_t index, const char *kind, const char *message);

/* The result of a flight's job is long: f->text is the line up to its id. */
void map_fetch(struct map *m, struct flight *f);

/* map_group.c: makes the group, if the options ask for one.  0 or the exit status. */
int map_group_make(struct map *m);
/* All lines have their outcomes: closes the group and waits for it.  True: nothing to wait for. */
bool map_group_finish(struct map *m);
void map_group_cancel(struct map *m);
/* group.wait or group.cancel was answered. */
int map_group_ended(struct map *m, const struct reply *reply);

#endif
