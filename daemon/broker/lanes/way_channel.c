/* way_channel.c - a worker of our own that is reached by a channel in shared memory: how that is made, looked
 * at, and let go of.  Runs in: broker, loop thread. */
#include <errno.h>
#include <event2/event.h>

#include "daemon/broker/lanes/commands.h"
#include "daemon/broker/lanes/exec.h"
#include "daemon/broker/lanes/lanes_internal.h"
#include "lib/fd.h"
#include "proto/bounds.h"

#define ARENA_BYTES		((size_t)64 << 20)	/* virtual; populated as it is used */
#define ARENA_BYTES_LARGE	((size_t)256 << 20)	/* where lines or results may be large */

/* ---- begin, end ---- */

size_t
way_channel_arena(const struct config *cfg)
{
	return cfg->max_line_bytes > (8 << 20) ? ARENA_BYTES_LARGE : ARENA_BYTES;
}

static struct channel_config
channel_config_of(const struct seat *seat)
{
	const struct config	*cfg = &seat->lanes->broker->config;
	size_t			 bytes = way_channel_arena(cfg);

	if (seat->lane == CONTROL_LANE_CPU)
		return (struct channel_config){ .fifo = true, .kick = CHANNEL_KICK_FUTEX,
		    .depth = BOUND_CHANNEL_DEPTH_FIFO, .runs = 1, .in_bytes = bytes, .out_bytes = bytes };
	return (struct channel_config){ .fifo = false, .kick = CHANNEL_KICK_SOCKET,
	    .depth = BOUND_CHANNEL_DEPTH_SLOTS, .in_bytes = bytes, .out_bytes = bytes,
	    .runs = seat->lane == CONTROL_LANE_EXEC ? 1 : (uint32_t)cfg->io_threads + BOUND_NAME_THREADS };
}

/*
 * The worker has published: nothing to read, the turn harvests.  The event only ends the sleep; a worker that
 * ends it over and over for nothing would have the loop turn without rest.
 */
static void
on_completions(evutil_socket_t fd, short what, void *arg)
{
	struct seat	*seat = arg;
	const char	*why;

	(void)fd;
	(void)what;
	seat->lanes->stats.woken++;
	if (seat->state != WORKER_DYING && channel_woken(seat->channel, &why) != 0)
		seat_kill(seat, why);
}

static void
close_fds(struct channel_fds *fds)
{
	fd_close(&fds->a);
	fd_close(&fds->b);
	fd_close(&fds->event);
	fd_close(&fds->kick);
}

void
way_channel_log(struct seat *seat)
{
	enum log_level	level = LOG_LEVEL_INFO;

	log_level_parse(seat->lanes->broker->config.log_level, &level);
	if (seat->channel != NULL)
		channel_log(seat->channel, level);
}

static int
begin(struct seat *seat)
{
	struct channel_config	cfg = channel_config_of(seat);
	struct channel_fds	fds = { -1, -1, -1, -1 };
	int			rc;

	if ((rc = channel_new(&cfg, seat->gen, &seat->channel, &fds)) != 0)
		return rc;
	way_channel_log(seat);
	rc = seat_send_start(seat, (int[]){ fds.a, fds.b, fds.event, fds.kick }, fds.kick < 0 ? 3 : 4);
	close_fds(&fds);
	if (rc != 0)
		return rc;
	seat->completions = event_new(seat->lanes->broker->base, channel_event_fd(seat->channel),
	    EV_READ | EV_ET | EV_PERSIST, on_completions, seat);
	event_add(seat->completions, NULL);
	exchange_hello(seat);
	return 0;
}

static void
stop(struct seat *seat)
{
	channel_stop(seat->channel);
}

static void
end(struct seat *seat)
{
	exchange_drop_fetches(seat);
	if (seat->completions != NULL)
		event_free(seat->completions);
	seat->completions = NULL;
	if (seat->channel != NULL)
		seat->lanes->stats.woke_workers += channel_wakes(seat->channel);
	channel_free(seat->channel);
	seat->channel = NULL;
	seat->waits = SUSPECT_NO;
}

/* ---- to look at ---- */

static uint32_t
inflight(const struct seat *seat)
{
	return seat->channel == NULL ? 0 : channel_inflight(seat->channel);
}

static const struct attempt *
oldest(const struct seat *seat)
{
	uint64_t	at = 0, token;

	return seat->channel == NULL ? NULL : channel_inflight_next(seat->channel, &at, &token);
}

static bool
progress(const struct seat *seat, const struct attempt *at, struct channel_progress *out)
{
	return seat->channel != NULL && channel_progress_read(seat->channel, at->token, out);
}

/* Its threads are lost to what does not end: another worker takes over, before none is left. */
static void
retire_if_stuck(struct seat *seat)
{
	const struct config	*cfg = &seat->lanes->broker->config;
	int64_t			 most = cfg->stuck_threads;

	if (most == 0)
		most = cfg->io_threads > 1 ? cfg->io_threads / 2 : 1;
	if (core_worker_stuck_threads(seat->lanes->broker->core, seat->number) >= most)
		seat_retire(seat, "workers.stuck_threads");
}

static void
look(struct seat *seat)
{
	if (seat->lane == CONTROL_LANE_CPU)
		return;
	loop_look(seat);
	retire_if_stuck(seat);
}

/* ---- dead ---- */

/* io only: was this attempt running when its worker died, as the worker said? */
static bool
was_running(const struct seat *seat, const struct attempt *at)
{
	/* it was killed for its loop: those that ran in threads are not to blame */
	return seat->blocked ? channel_blames(seat->channel, at->token) :
	    channel_suspect(seat->channel, at->token);
}

/*
 * io only: a crash, or a blocked loop, of which the worker named nobody: a callback that did not say
 * whose it was.  If few waited there, all of them are suspected: each runs alone once, and the one
 * that did it does it again.  If many did, they would wait for each other too long.  SIGKILL may be
 * the work of somebody else.
 */
static enum suspicion
waits_of(const struct seat *seat)
{
	const struct attempt	*a;
	uint64_t		 at = 0, token;
	unsigned		 waits = 0;

	for (;;) {
		token = 0;
		a = channel_inflight_next(seat->channel, &at, &token);
		if (token == 0)
			return (seat->blocked || seat->crashed) && waits <= BOUND_TOGETHER ? SUSPECT_YES :
			    SUSPECT_AMONG;
		if (a == NULL || a->token != token)	/* other entries than attempts */
			continue;
		if (was_running(seat, a))
			return SUSPECT_NO;
		waits += a->lane == LANE_ASYNC;
	}
}

static void
take_last(struct seat *seat, const char *how)
{
	(void)how;
	while (exchange_take(seat))
		;
	exchange_silence(seat);
	seat->waits = seat->up && seat->lane != CONTROL_LANE_CPU ? waits_of(seat) : SUSPECT_NO;
}

static enum suspicion
suspects(const struct seat *seat, const struct attempt *at)
{
	if (was_running(seat, at))
		return SUSPECT_YES;
	return at->lane == LANE_ASYNC ? seat->waits : SUSPECT_NO;
}

/* ---- exec ---- */

static void
take_last_exec(struct seat *seat, const char *how)
{
	(void)how;
	while (exchange_take(seat))
		;
	commands_silence(seat);
}

/*
 * A command has its worker's user and may kill it, and what it wants of the worker may be too much:
 * when that has ended by another's hand than ours and few were there, each of them runs alone once.
 */
static enum suspicion
suspects_exec(const struct seat *seat, const struct attempt *at)
{
	(void)at;
	return (seat->blocked || !seat->killed) && seat->command_count <= BOUND_TOGETHER ? SUSPECT_YES :
	    SUSPECT_AMONG;
}

static void
look_exec(struct seat *seat)
{
	loop_look(seat);
	exec_look(seat);
}

static void
end_exec(struct seat *seat)
{
	commands_drop(seat);
	end(seat);
}

const struct way	way_exec = {
	.begin = begin, .start = commands_start, .tell = commands_tell, .stop = stop, .look = look_exec,
	.inflight = commands_inflight, .oldest = commands_oldest, .progress = progress, .offer = seat_offer,
	.take_last = take_last_exec, .suspects = suspects_exec, .end = end_exec,
};

const struct way	way_channel = {
	.begin = begin, .start = exchange_start, .tell = exchange_tell, .stop = stop, .look = look,
	.inflight = inflight, .oldest = oldest, .progress = progress, .offer = seat_offer, .take_last = take_last,
	.suspects = suspects, .end = end,
};
