/* wire.c - the socket to a language worker, with a worker that behaves as it likes. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/lanes/wire.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define MAX_LINE	4096

struct rig {
	struct event_base *base;
	struct wires	 all;
	struct wire	*wire;
	int64_t		 now_ns;
	int		 peer;			/* the worker's end */
	unsigned	 befores, messages;
	uint64_t	 last_id;
	bool		 ended, closes;		/* it closes the wire at the first message */
	char		 why[200];		/* of its end; "" at end-of-file */
};

static void
before(void *arg)
{
	struct rig	*r = arg;

	r->befores++;
}

static void
on_said(void *arg, const struct said *s, const char *why)
{
	struct rig	*r = arg;

	if (s == NULL) {
		assert_false(r->ended);
		r->ended = true;
		snprintf(r->why, sizeof(r->why), "%s", why == NULL ? "" : why);
		wire_close(r->wire);
		return;
	}
	r->messages++;
	r->last_id = s->id;
	if (r->closes)
		wire_close(r->wire);
}

static const struct wire_owner	owner = { .before = before, .said = on_said };

static void
rig_left(struct rig *r, const char *left)
{
	int	pair[2];

	*r = (struct rig){ .now_ns = NS_PER_S };
	r->base = event_base_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	wires_init(&r->all, r->base, &r->now_ns);
	r->peer = pair[1];
	fcntl(r->peer, F_SETFL, O_NONBLOCK);
	r->wire = wire_new(&r->all, pair[0], "images-1", MAX_LINE, &owner, r,
	    (struct span){ left, strlen(left) });
}

static void
rig(struct rig *r)
{
	rig_left(r, "");
}

static void
rig_end(struct rig *r)
{
	if (!r->ended && !r->closes)
		wire_close(r->wire);
	wires_fini(&r->all);
	event_base_free(r->base);
	if (r->peer >= 0)
		close(r->peer);
}

/* As the broker does: what came, then the end of the turn. */
static void
turn(struct rig *r)
{
	event_base_loop(r->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	wires_flush(&r->all);
}

static void
turns(struct rig *r, int n)
{
	while (n-- > 0)
		turn(r);
}

static void
says(struct rig *r, const char *text, size_t len)
{
	assert_int_equal(send(r->peer, text, len, 0), (ssize_t)len);
}

#define SAYS(r, text)	says(r, text, sizeof(text) - 1)

/* ---- lines ---- */

static void
test_a_line_may_come_in_pieces(void **state)
{
	struct rig	r;
	const char	line[] = "{\"id\":12,\"result\":null}\r\n\n{\"id\":13,\"result\":1}\n";

	(void)state;
	rig(&r);
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		says(&r, line + i, 1);
		turn(&r);
		assert_int_equal(r.messages, i < 24 ? 0 : i < sizeof(line) - 2 ? 1 : 2);
	}
	assert_int_equal(r.last_id, 13);
	assert_true(r.befores > 0);
	rig_end(&r);
}

static void
test_what_was_received_before_is_taken_first(void **state)
{
	struct rig	r;

	(void)state;
	rig_left(&r, "{\"id\":1,\"result\":1}\n{\"id\":2,\"res");
	wires_flush(&r.all);
	turn(&r);
	assert_int_equal(r.messages, 1);
	SAYS(&r, "ult\":2}\n");
	turn(&r);
	assert_int_equal(r.last_id, 2);
	rig_end(&r);
}

/* More than one turn's share: the rest comes in the next ones, without another byte arriving. */
static void
test_many_lines_take_several_turns(void **state)
{
	struct rig	r;
	unsigned	sent = 0;

	(void)state;
	rig(&r);
	for (int i = 0; i < 5; i++) {
		char	many[20 * 500];

		for (size_t k = 0; k < sizeof(many); k += 20, sent++)
			memcpy(many + k, "{\"id\":1,\"result\":1}\n", 20);
		says(&r, many, sizeof(many));
	}
	turn(&r);
	assert_true(r.messages > 0 && r.messages < sent);
	turns(&r, 20);
	assert_int_equal(r.messages, sent);
	rig_end(&r);
}

/* ---- the end ---- */

static void
test_the_end_of_file_comes_behind_all_lines(void **state)
{
	struct rig	r;

	(void)state;
	rig(&r);
	SAYS(&r, "{\"id\":1,\"result\":1}\n");
	shutdown(r.peer, SHUT_WR);
	turns(&r, 2);
	assert_int_equal(r.messages, 1);
	assert_true(r.ended);
	assert_string_equal(r.why, "");
	rig_end(&r);
}

static void
test_half_a_line_at_the_end_is_garbage(void **state)
{
	struct rig	r;

	(void)state;
	rig(&r);
	SAYS(&r, "{\"id\":1,\"result\":1}");
	shutdown(r.peer, SHUT_WR);
	turns(&r, 2);
	assert_int_equal(r.messages, 0);
	assert_true(r.ended);
	assert_string_equal(r.why, "its last line has no end");
	rig_end(&r);
}

static void
test_garbage_ends_it_and_nothing_behind_it_counts(void **state)
{
	struct rig	r;

	(void)state;
	rig(&r);
	SAYS(&r, "{\"id\":1,\"result\":1}\nGARB\0AGE\x1b[31m\n{\"id\":2,\"result\":1}\n");
	turns(&r, 3);
	assert_int_equal(r.messages, 1);
	assert_true(r.ended);
	assert_non_null(strstr(r.why, "byte 0"));
	rig_end(&r);
}

static void
test_a_line_without_end_is_cut_off_at_the_limit(void **state)
{
	struct rig	r;
	char		much[MAX_LINE + 1];

	(void)state;
	memset(much, ' ', sizeof(much));
	rig(&r);
	says(&r, much, MAX_LINE);
	turn(&r);
	assert_false(r.ended);
	says(&r, much, 1);
	turn(&r);
	assert_true(r.ended);
	assert_string_equal(r.why, "a line has more than 4096 bytes");
	rig_end(&r);
}

static void
test_it_may_be_closed_while_it_speaks(void **state)
{
	struct rig	r;

	(void)state;
	rig(&r);
	r.closes = true;
	SAYS(&r, "{\"id\":1,\"result\":1}\n{\"id\":2,\"result\":1}\n");
	turns(&r, 3);
	assert_int_equal(r.messages, 1);
	assert_false(r.ended);
	rig_end(&r);
}

static void
test_the_dead_are_heard_to_the_end(void **state)
{
	struct rig	r;

	(void)state;
	rig(&r);
	SAYS(&r, "{\"id\":1,\"result\":1}\n{\"id\":2,\"result\":2}\n{\"id\":3,");
	close(r.peer);
	r.peer = -1;
	wire_drain(r.wire);
	assert_int_equal(r.messages, 2);
	assert_false(r.ended);
	rig_end(&r);
}

/* ---- floods ---- */

#define NOTE	"{\"method\":\"attempt.progress\",\"params\":{\"job\":1,\"attempt\":1,\"fence\":1}}\n"

static void
test_a_flood_of_notifications_waits_for_the_next_second(void **state)
{
	struct rig	r;
	unsigned	sent = 0;

	(void)state;
	rig(&r);
	while (sent < WIRE_NOTES_MAX + 1000) {
		if (send(r.peer, NOTE, sizeof(NOTE) - 1, 0) == (ssize_t)sizeof(NOTE) - 1)
			sent++;
		else
			turn(&r);
		if (r.messages == WIRE_NOTES_MAX)
			break;
	}
	turns(&r, 50);
	assert_int_equal(r.messages, WIRE_NOTES_MAX);
	r.now_ns += NS_PER_S;
	for (int i = 0; i < 300 && r.messages < sent; i++) {
		event_base_loop(r.base, EVLOOP_ONCE);	/* its timer */
		wires_flush(&r.all);
	}
	assert_int_equal(r.messages, sent);
	assert_false(r.ended);
	rig_end(&r);
}

static void
test_answers_are_no_flood(void **state)
{
	struct rig	r;
	unsigned	sent = 0;

	(void)state;
	rig(&r);
	while (sent < 2 * WIRE_NOTES_MAX) {
		if (send(r.peer, "{\"id\":1,\"result\":1}\n", 20, 0) == 20)
			sent++;
		else
			turn(&r);
	}
	turns(&r, 50);
	assert_int_equal(r.messages, sent);
	rig_end(&r);
}

/* ---- out ---- */

static void
test_what_is_not_read_is_kept_and_told(void **state)
{
	struct rig	r;
	char		line[1000], got[65536];
	size_t		wrote = 0, read_bytes = 0;
	ssize_t		n;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	rig(&r);
	while (!wire_full(r.wire)) {
		buf_append(wire_out(r.wire), line, sizeof(line));
		wire_wrote(r.wire);
		turn(&r);
		wrote += sizeof(line);
		assert_true(wrote < (size_t)64 << 20);
	}
	while (read_bytes < wrote) {
		if ((n = recv(r.peer, got, sizeof(got), 0)) > 0)
			read_bytes += (size_t)n;
		turn(&r);
	}
	assert_int_equal(read_bytes, wrote);
	assert_false(wire_full(r.wire));
	rig_end(&r);
}

static void
test_last_words_are_sent_before_it_closes(void **state)
{
	struct rig	r;
	char		got[100];

	(void)state;
	rig(&r);
	buf_puts(wire_out(r.wire), "bye\n");
	wire_wrote(r.wire);
	wire_close_sent(r.wire);
	r.closes = true;
	turn(&r);
	assert_int_equal(recv(r.peer, got, sizeof(got), 0), 4);
	assert_int_equal(recv(r.peer, got, sizeof(got), 0), 0);
	rig_end(&r);
}

static void
test_a_worker_that_is_gone_does_not_keep_what_it_never_read(void **state)
{
	struct rig	r;

	(void)state;
	rig(&r);
	close(r.peer);
	r.peer = -1;
	for (int i = 0; i < 5000; i++)
		buf_puts(wire_out(r.wire), "a line of some length, that nobody will ever read\n");
	wire_wrote(r.wire);
	turns(&r, 3);
	assert_true(r.ended);
	rig_end(&r);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_line_may_come_in_pieces),
		cmocka_unit_test(test_what_was_received_before_is_taken_first),
		cmocka_unit_test(test_many_lines_take_several_turns),
		cmocka_unit_test(test_the_end_of_file_comes_behind_all_lines),
		cmocka_unit_test(test_half_a_line_at_the_end_is_garbage),
		cmocka_unit_test(test_garbage_ends_it_and_nothing_behind_it_counts),
		cmocka_unit_test(test_a_line_without_end_is_cut_off_at_the_limit),
		cmocka_unit_test(test_it_may_be_closed_while_it_speaks),
		cmocka_unit_test(test_the_dead_are_heard_to_the_end),
		cmocka_unit_test(test_a_flood_of_notifications_waits_for_the_next_second),
		cmocka_unit_test(test_answers_are_no_flood),
		cmocka_unit_test(test_what_is_not_read_is_kept_and_told),
		cmocka_unit_test(test_last_words_are_sent_before_it_closes),
		cmocka_unit_test(test_a_worker_that_is_gone_does_not_keep_what_it_never_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
