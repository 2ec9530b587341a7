/*
 * reply.c - lines of the daemon to replies, notices and outcomes.
 * Runs in: programs that use libjobd.
 *
 * What comes is checked like anything from a network: the whole line is JSON, it answers something
 * that was asked, and it says either a result or an error.  Members that a newer daemon adds are
 * passed over.
 */
#include "client/libjobd/internal.h"

#include <string.h>

#include "lib/parse.h"

static const char	no_protocol[] = "what answers there does not speak jobd's protocol";
static const char	not_asked[] = "the daemon sent a reply to nothing that was asked";

static bool
is(struct span text, const char *name)
{
	return text.len == strlen(name) && memcmp(text.p, name, text.len) == 0;
}

struct members {
	struct span	id, result, error, method, params;
};

/* False: the line is not one JSON object. */
static bool
read_members(struct span line, struct members *m)
{
	struct json_walk w;

	memset(m, 0, sizeof(*m));
	json_object(&w, line);
	while (json_next_member(&w)) {
		if (is(w.key, "id"))
			m->id = w.value;
		else if (is(w.key, "result"))
			m->result = w.value;
		else if (is(w.key, "error"))
			m->error = w.value;
		else if (is(w.key, "method"))
			m->method = w.value;
		else if (is(w.key, "params"))
			m->params = w.value;
	}
	return w.scan.error == NULL && scan_end(&w.scan);
}

static bool
read_id(struct span raw, uint64_t last_id, struct wire_reply *out)
{
	int64_t	id;

	if (is(raw, "null"))
		return out->kind == REPLY_ERROR;
	if (parse_i64(raw.p, raw.len, 1, INT64_MAX, &id) != 0 || (uint64_t)id > last_id)
		return false;
	out->id = (uint64_t)id;
	return true;
}

const char *
reply_read(struct span line, uint64_t last_id, struct wire_reply *out)
{
	struct members	m;

	memset(out, 0, sizeof(*out));
	if (!read_members(line, &m))
		return no_protocol;
	if (m.id.len == 0 && json_type(m.method) == SCAN_STRING) {
		out->kind = REPLY_NOTICE;
		out->method = (struct span){ m.method.p + 1, m.method.len - 2 };
		out->value = m.params;
		return NULL;
	}
	if ((m.result.len > 0) == (m.error.len > 0))
		return not_asked;
	out->kind = m.error.len > 0 ? REPLY_ERROR : REPLY_RESULT;
	out->value = m.error.len > 0 ? m.error : m.result;
	return read_id(m.id, last_id, out) ? NULL : not_asked;
}

static bool
read_state(struct span state, int *code)
{
	if (is(state, "\"succeeded\""))
		*code = 0;
	else if (is(state, "\"failed\""))
		*code = JOBD_JOB_FAILED;
	else if (is(state, "\"cancelled\""))
		*code = JOBD_JOB_CANCELLED;
	else if (is(state, "\"expired\""))
		*code = JOBD_JOB_EXPIRED;
	else
		return false;
	return true;
}

bool
outcome_parse(struct span value, struct wire_outcome *out)
{
	enum { ID, STATE, RESULT, RESULT_BYTES, FAILURE, REASON, MEMBERS };
	static const char *const names[MEMBERS] = {
		"id", "state", "result", "result_bytes", "failure", "reason"
	};
	struct span	m[MEMBERS];
	int64_t		id;

	memset(out, 0, sizeof(*out));
	json_members(value, names, m, MEMBERS);
	if (!json_value_int(m[ID], &id) || id <= 0 || !read_state(m[STATE], &out->code))
		return false;
	out->id = (uint64_t)id;
	out->result = m[RESULT];
	out->failure = m[FAILURE];
	out->reason = m[REASON];
	if (!json_value_int(m[RESULT_BYTES], &out->result_bytes) || out->result_bytes < 0)
		out->result_bytes = -1;
	return out->code != 0 || out->result.len > 0 || out->result_bytes >= 0;
}
