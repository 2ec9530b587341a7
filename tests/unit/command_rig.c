/* command_rig.c - commands in a real jobd-exec. */
#include "tests/unit/command_rig.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

int
exec_start(void **state)
{
	(void)state;
	rig_start_lane(true, "exec", "jobs.max_result_bytes=1M");
	return 0;
}

static void
ask_output(struct command_run *c)
{
	rig_submit(CHANNEL_OP_OUTPUT, NULL, 0, c->out_cap, c->token, 0, &c->said);
	c->asked = true;
}

void
command_begin(struct command_run *c, const char *spec, const char *args)
{
	struct channel_head	head = {
		.job = ++rig.next_job, .fence = rig.next_job + (UINT64_C(1) << 32), .attempt = 1,
		.lane = LANE_PROCESS, .type_len = 7, .args_len = (uint32_t)strlen(args),
		.spec_len = (uint32_t)strlen(spec),
	};
	struct iovec		in[] = {
		{ &head, sizeof(head) }, { (void *)(uintptr_t)"command", 7 },
		{ (void *)(uintptr_t)args, head.args_len },
		{ (void *)(uintptr_t)spec, head.spec_len },
	};

	if (c->out_cap == 0)
		c->out_cap = 4096;
	c->job = head.job;
	c->token = rig_submit(CHANNEL_OP_RUN, in, 4, c->end_cap == 0 ? 256 << 10 : c->end_cap, 0, 0, &c->end);
	ask_output(c);
	channel_publish(rig.channel);
}

static void
take_record(struct command_run *c, const struct channel_said *said, const char *p)
{
	struct buf	*to = said->stream == CHANNEL_STDOUT ? &c->out : &c->err;

	assert_true(said->at_ms > INT64_C(1600000000000));
	if (said->stream == CHANNEL_SPENT) {
		assert_int_equal(said->len, sizeof(c->spent));
		memcpy(&c->spent, p, sizeof(c->spent));
		c->spents++;
		return;
	}
	assert_in_range(said->stream, CHANNEL_STDOUT, CHANNEL_STDERR);
	assert_true(said->len > 0);
	c->bytes[said->stream - CHANNEL_STDOUT] += said->len;
	if (!c->count_only)
		buf_append(to, p, said->len);
}

static void
take_said(struct command_run *c)
{
	struct channel_said	said;
	size_t			at = 0;

	c->asked = false;
	if (c->said.status == CHANNEL_FAILED)	/* it never ran, or nobody wants to know */
		return;
	assert_int_equal(c->said.status, CHANNEL_OK);
	while (at < c->said.len) {
		assert_true(c->said.len - at >= sizeof(said));
		memcpy(&said, c->said.text + at, sizeof(said));
		at += sizeof(said);
		assert_true(said.len <= c->said.len - at);
		take_record(c, &said, c->said.text + at);
		at += said.len;
	}
	c->last = c->said.aux == 1;
	if (!c->last) {
		assert_false(c->end.done && c->end.status != CHANNEL_CANCELLED);
		ask_output(c);
		channel_publish(rig.channel);
	}
}

bool
command_step(struct command_run *c)
{
	while (c->asked && c->said.done) {
		take_said(c);
		if (c->asked)
			break;
	}
	return c->end.done && !c->asked;
}

void
command_wait(struct command_run *c)
{
	while (!command_step(c))
		rig_harvest_some();
}

void
command_do(struct command_run *c, const char *spec, const char *args)
{
	command_begin(c, spec, args);
	command_wait(c);
}

static bool
has_said(const struct command_run *c, const char *text)
{
	return buf_len(&c->out) > 0 &&
	    memmem(buf_data(&c->out), buf_len(&c->out), text, strlen(text)) != NULL;
}

void
command_await_output(struct command_run *c, const char *text)
{
	bool	ended = false;

	while (!has_said(c, text)) {
		if (ended)
			fail_msg("it ended without saying %s: %s", text, c->end.text);
		if (!(ended = command_step(c)) && !has_said(c, text) && !c->said.done)
			rig_harvest_some();
	}
}

void
command_free_run(struct command_run *c)
{
	free(c->end.text);
	free(c->said.text);
	buf_free(&c->out);
	buf_free(&c->err);
	*c = (struct command_run){ 0 };
}

void
command_expect(const struct command_run *c, enum channel_status status, const char *part)
{
	if (c->end.status != status || strstr(c->end.text, part) == NULL)
		fail_msg("expected status %d with \"%s\", got %d: %.400s", (int)status, part,
		    (int)c->end.status, c->end.text);
}

char *
command_sh(const char *script, const char *more)
{
	struct buf	b = { 0 };

	buf_puts(&b, "{\"argv\":[\"sh\",\"-c\",");
	buf_put_json(&b, script, strlen(script));
	buf_printf(&b, "]%s}", more);
	return buf_take_string(&b);
}
