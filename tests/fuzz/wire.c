/*
 * wire.c - libFuzzer target: lines of a language or remote worker.
 *
 * What is taken is JSON, points into its line, and means what said.h says; what is refused comes with a
 * sentence.  worker.ready is read as that of a local worker and of a remote one.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>

#include "daemon/broker/lanes/ready.h"
#include "daemon/broker/lanes/said.h"
#include "proto/frame.h"
#include "proto/json_scan.h"

#define MAX_LINE	65536

static void
check_inside(struct span part, struct span line)
{
	require(part.len == 0 || (part.p >= line.p && part.p + part.len <= line.p + line.len));
}

static void
check_text(struct span raw, size_t max)
{
	struct buf	b = { 0 };
	json_t		*text;

	said_text(raw, max, &b);
	require(buf_len(&b) <= max);
	text = json_stringn(buf_len(&b) == 0 ? "" : buf_data(&b), buf_len(&b));
	require(text != NULL);				/* it is UTF-8 */
	json_decref(text);
	buf_free(&b);
}

static void
check_ready(struct span params, bool remote)
{
	struct ready	r;
	char		why[200] = "";

	if (ready_read(params, remote, &r, why, sizeof(why)) != 0) {
		require(why[0] != '\0');
		return;
	}
	require(r.types_len >= 1 && r.types_len <= READY_TYPES_MAX);
	for (size_t i = 0; i < r.types_len; i++) {
		require(strlen(r.types[i].name) <= BOUND_NAME_BYTES);
		require(r.slots[r.types[i].lane] > 0);
		require(scan_check(r.types[i].args_schema, strlen(r.types[i].args_schema), BOUND_DEPTH) == NULL);
	}
	require(!remote || strlen(r.session) >= READY_SESSION_MIN);
	ready_free(&r);
}

static void
check_said(struct span line, const struct said *s)
{
	require(scan_check(line.p, line.len, SCAN_DEPTH_MAX) == NULL);
	check_inside(s->request, line);
	if (s->params.len != 2)		/* none: an empty object of its own */
		check_inside(s->params, line);
	check_inside(s->result, line);
	check_inside(s->message, line);
	check_inside(s->data, line);
	check_inside(s->text, line);
	check_text(s->message, BOUND_FAILURE_MESSAGE);
	check_text(s->text, 47);
	if (s->kind == SAID_RESULT)
		require(s->bad_result != NULL ||
		    scan_check(s->result.p, s->result.len, BOUND_DEPTH) == NULL);
	if (s->data.len > 0)
		require(scan_check(s->data.p, s->data.len, BOUND_DEPTH) == NULL);
	require(s->retry_after_ms >= 0 && s->retry_after_ms <= BOUND_DURATION_MS);
	if (s->kind != SAID_READY)
		return;
	check_ready(s->params, false);
	check_ready(s->params, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span	line;
	struct said	s;
	char		why[160];
	size_t		at = 0;

	while (frame_next((const char *)data, size, &at, NULL, MAX_LINE, &line) > 0) {
		why[0] = '\0';
		if (said_read(line, &s, why, sizeof(why)) == 0)
			check_said(line, &s);
		else
			require(why[0] != '\0');
	}
	return 0;
}
