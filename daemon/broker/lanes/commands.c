/* commands.c - output, input and signals of commands.  Runs in: broker, loop thread.
 *
 * What the worker answers is hostile: it is copied once and then looked at, and what does not fit
 * together ends the worker.
 */
#include "daemon/broker/lanes/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/logs/logs.h"
#include "daemon/broker/route/programs.h"
#include "daemon/broker/router_command.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "proto/bounds.h"
#include "proto/json_find.h"

#define OUTPUT_FIRST	(4u << 10)	/* most commands say less at once */
#define OUTPUT_MOST	(256u << 10)
#define INPUT_MOST	(1u << 20)	/* under way to one command */

/* An entry in the channel that is about a running command. */
struct ask {
	struct list	 link;		/* command->asks; OUTPUT: in none */
	uint64_t	 token;		/* 0: not under way */
	struct command	*command;
	struct told	*told;		/* who gave it in; NULL: nobody, or gone */
	uint32_t	 bytes;		/* of INPUT */
};

struct command {
	struct list	 link;		/* seat->commands */
	struct list	 thirsty;	/* seat->thirsty: the channel had no room for its OUTPUT */
	struct attempt	*attempt;
	struct ask	 output;
	struct list	 asks;		/* INPUT and SIGNAL */
	uint32_t	 room;		/* of the next OUTPUT */
	uint32_t	 input_bytes;	/* under way */
	bool		 over;		/* its last OUTPUT has come */
	struct channel_spent spent;
};

static struct command *
command_of(const struct seat *seat, const struct attempt *at)
{
	return idmap_get(&seat->command_of, at->token);
}

void
commands_measured(struct seat *seat, struct attempt *at)
{
	const struct command	*c = command_of(seat, at);

	if (c != NULL && c->spent.wall_us > 0)
		router_command_ended(seat->lanes->broker, at, &c->spent);
}

/* ---- entries ---- */

static int
submit(struct seat *seat, struct ask *ask, const struct channel_submit *s)
{
	int	rc = channel_submit(seat->channel, s, &ask->token);

	if (rc != 0)
		ask->token = 0;
	else
		idmap_put(&seat->asks, ask->token, ask);
	return rc;
}

static void
ask_output(struct seat *seat, struct command *c)
{
	struct channel_submit	s = {
		.op = CHANNEL_OP_OUTPUT, .arg = c->attempt->token, .out_cap = c->room,
	};

	list_remove(&c->thirsty);
	if (c->over || c->output.token != 0)
		return;
	if (submit(seat, &c->output, &s) != 0)
		list_push_back(&seat->thirsty, &c->thirsty);
}

/* It has what was given in, or will never have it. */
static void
tell(struct ask *ask, bool heard)
{
	struct told	*t = ask->told;

	if (t == NULL)
		return;
	ask->told = NULL;
	t->ask = NULL;
	t->done(t, heard);
}

static void
ask_free(struct seat *seat, struct ask *ask, bool heard)
{
	ask->command->input_bytes -= ask->bytes;
	idmap_del(&seat->asks, ask->token);
	list_remove(&ask->link);
	tell(ask, heard);
	free(ask);
}

/* ---- a command's time ---- */

/* Looked for when it is wanted, which is seldom. */
static bool
said_grace(const struct attempt *at, int64_t *out)
{
	struct span	 args = { job_args(at->job), job_args_len(at->job) }, raw;
	struct buf	 scratch = { 0 };
	enum scan_type	 type;
	bool		 said = json_find(args, (struct span){ "grace_ms", 8 }, &scratch, &type, &raw) &&
			     type == SCAN_INTEGER &&
			     parse_i64(raw.p, raw.len, 0, BOUND_DURATION_MS, out) == 0;

	buf_free(&scratch);
	return said;
}

void
commands_tell(struct seat *seat, struct attempt *at)
{
	struct broker	*b = seat->lanes->broker;
	int64_t		 grace_ms;

	exchange_tell(seat, at);
	if (at->job != NULL && programs_has(at->type) && said_grace(at, &grace_ms))
		core_attempt_grace(b->core, b->now, at, grace_ms);
}

uint32_t
commands_inflight(const struct seat *seat)
{
	return seat->command_count;
}

const struct attempt *
commands_oldest(const struct seat *seat)
{
	if (list_empty(&seat->commands))
		return NULL;
	return list_entry(seat->commands.next, struct command, link)->attempt;
}

void
commands_start(struct seat *seat, struct attempt *at)
{
	struct command	*c;

	if (!exchange_run(seat, at))
		return;
	c = mem_zalloc(1, sizeof(*c));
	c->attempt = at;
	c->room = OUTPUT_FIRST;
	c->output.command = c;
	list_init(&c->asks);
	list_init(&c->thirsty);
	list_push_back(&seat->commands, &c->link);
	seat->command_count++;
	idmap_put(&seat->command_of, at->token, c);
	ask_output(seat, c);
	router_command_starts(seat->lanes->broker, at);
}

static void
command_free(struct seat *seat, struct command *c)
{
	list_for_safe(node, after, &c->asks)
		ask_free(seat, list_entry(node, struct ask, link), false);
	if (c->output.token != 0)
		idmap_del(&seat->asks, c->output.token);
	list_remove(&c->thirsty);
	list_remove(&c->link);
	seat->command_count--;
	free(c);
}

void
commands_ended(struct seat *seat, struct attempt *at)
{
	struct command	*c = idmap_del(&seat->command_of, at->token);

	if (c == NULL)
		return;
	logs_ended(seat->lanes->broker, at);
	command_free(seat, c);
}

void
commands_silence(struct seat *seat)
{
	list_for(node, &seat->commands)
		logs_ended(seat->lanes->broker, list_entry(node, struct command, link)->attempt);
}

void
commands_drop(struct seat *seat)
{
	list_for_safe(node, after, &seat->commands)
		command_free(seat, list_entry(node, struct command, link));
	idmap_free(&seat->command_of);
	idmap_free(&seat->asks);
}

void
commands_ask_again(struct seat *seat)
{
	while (!list_empty(&seat->thirsty)) {
		struct command	*c = list_entry(seat->thirsty.next, struct command, thirsty);

		ask_output(seat, c);
		if (c->output.token == 0)
			return;			/* there is no room yet */
	}
}

/* ---- what it says ---- */

static void
take_spent(struct seat *seat, struct command *c, const char *p)
{
	struct broker		*b = seat->lanes->broker;
	struct channel_spent	 is;
	struct spent		 spent;

	memcpy(&is, p, sizeof(is));
	spent = (struct spent){
		.user_us = is.user_us, .system_us = is.system_us,
		.max_rss_bytes = is.max_rss_bytes, .read_bytes = is.read_bytes,
		.write_bytes = is.write_bytes,
	};
	core_attempt_spent(b->core, c->attempt, &spent);
	router_command_goes_on(b, c->attempt, &c->spent, &is);
	c->spent = is;
}

/* Records of struct channel_said, each with its bytes.  False: they are none. */
static bool
take_said(struct seat *seat, struct command *c, const char *p, size_t len)
{
	struct broker		*b = seat->lanes->broker;
	struct channel_said	 said;

	while (len >= sizeof(said)) {
		memcpy(&said, p, sizeof(said));
		p += sizeof(said);
		len -= sizeof(said);
		if (said.len > len)
			return false;
		if (said.stream == CHANNEL_STDOUT)
			logs_add(b, c->attempt, LOG_STDOUT, said.at_ms, p, said.len);
		else if (said.stream == CHANNEL_STDERR)
			logs_add(b, c->attempt, LOG_STDERR, said.at_ms, p, said.len);
		else if (said.stream == CHANNEL_SPENT && said.len == sizeof(struct channel_spent))
			take_spent(seat, c, p);
		else
			return false;
		p += said.len;
		len -= said.len;
	}
	return len == 0;
}

/* A command that has filled its room has more to say; one that says little needs little. */
static void
fit_room(struct command *c, uint32_t came)
{
	if (came >= c->room / 4 * 3)
		c->room = c->room < OUTPUT_MOST ? c->room * 4 : OUTPUT_MOST;
	else if (came < c->room / 16)
		c->room = OUTPUT_FIRST;
}

static void
take_output(struct seat *seat, struct command *c, const struct channel_completion *done)
{
	char	*copy;
	bool	 good;

	idmap_del(&seat->asks, c->output.token);
	c->output.token = 0;
	if (done->status != CHANNEL_OK) {
		c->over = true;
		return;
	}
	copy = mem_dup(done->output, done->out_len);
	good = take_said(seat, c, copy, done->out_len);
	free(copy);
	if (!good) {
		seat_kill(seat, "what it says of a command's output makes no sense");
		return;
	}
	c->over = done->aux != 0;
	fit_room(c, done->out_len);
	if (!logs_held(seat->lanes->broker, c->attempt))
		ask_output(seat, c);		/* else lanes_output_wanted comes */
}

void
commands_take(struct seat *seat, const struct channel_completion *done)
{
	struct ask	*ask = idmap_get(&seat->asks, done->token);

	if (ask == NULL)
		return;				/* the command has ended before it */
	if (done->op == CHANNEL_OP_OUTPUT)
		take_output(seat, ask->command, done);
	else
		ask_free(seat, ask, done->status == CHANNEL_OK);
}

void
lanes_output_wanted(struct lanes *l, uint64_t job)
{
	const struct job	*j = core_find(l->broker->core, job);
	const struct attempt	*at = j == NULL ? NULL : job_attempt(j);
	struct seat		*seat = at == NULL ? NULL : lanes_seat(l, at->worker);
	struct command		*c;

	if (seat != NULL && (c = command_of(seat, at)) != NULL)
		ask_output(seat, c);
}

/* ---- what it is told ---- */

static struct command *
running_command(struct lanes *l, const struct job *j, struct seat **seat, struct rpc_error *err)
{
	const struct attempt	*at = job_attempt(j);
	struct command		*c = NULL;

	if (at != NULL && (*seat = lanes_seat(l, at->worker)) != NULL)
		c = command_of(*seat, at);
	if (at == NULL)
		rpc_fail(err, RPC_conflict, "job %" PRIu64 " does not run: it is %s", j->id,
		    job_state_names[j->state]);
	else if (c == NULL)
		rpc_fail(err, RPC_conflict, "job %" PRIu64 " is no command", j->id);
	return c;
}

static int
give_in(struct seat *seat, struct command *c, const struct channel_submit *s, uint32_t bytes,
    struct told *told, struct rpc_error *err)
{
	struct ask	*ask = mem_zalloc(1, sizeof(*ask));

	if (submit(seat, ask, s) != 0) {
		free(ask);
		return rpc_fail(err, RPC_too_many_calls, "worker %s takes no more at the moment",
		    seat->name);
	}
	ask->command = c;
	ask->bytes = bytes;
	ask->told = told;
	told->ask = ask;
	c->input_bytes += bytes;
	list_push_back(&c->asks, &ask->link);
	return 0;
}

int
lanes_write(struct lanes *l, const struct job *j, struct span text, bool eof, struct told *told,
    struct rpc_error *err)
{
	struct seat		*seat;
	struct command		*c = running_command(l, j, &seat, err);
	struct iovec		 in = { (void *)(size_t)text.p, text.len };
	struct channel_submit	 s = { .op = CHANNEL_OP_INPUT, .in = &in, .in_count = 1, .deadline_ns = eof };

	if (c == NULL)
		return -1;
	if (c->input_bytes > 0 && c->input_bytes + text.len > INPUT_MOST)
		return rpc_fail(err, RPC_too_many_calls, "%u bytes wait already until job %" PRIu64
		    " reads them", c->input_bytes, j->id);
	s.arg = c->attempt->token;
	return give_in(seat, c, &s, (uint32_t)text.len, told, err);
}

int
lanes_signal(struct lanes *l, const struct job *j, int signal, struct told *told,
    struct rpc_error *err)
{
	struct seat		*seat;
	struct command		*c = running_command(l, j, &seat, err);
	struct channel_submit	 s = { .op = CHANNEL_OP_SIGNAL, .deadline_ns = (uint64_t)signal };

	if (c == NULL)
		return -1;
	s.arg = c->attempt->token;
	return give_in(seat, c, &s, 0, told, err);
}

void
lanes_told_leave(struct told *t)
{
	if (t->ask != NULL)
		t->ask->told = NULL;
	t->ask = NULL;
}
