/* ready.c - worker.ready, member by member.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/ready.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "proto/bounds.h"
#include "workers/handler_rules.h"

#define NAME_CHARS	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" HANDLER_NAME_CHARS
#define SESSION_CHARS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
#define THREADS_USUAL	8
#define ASYNC_USUAL	100

struct reading {
	struct ready	*out;
	bool		 remote;
	char		*why;
	size_t		 size;
};

static int __attribute__((format(printf, 2, 3)))
refuse(struct reading *r, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return -1;
}

/* names ends with NULL. */
static int
only_known(struct reading *r, json_t *object, const char *what, const char *const *names)
{
	const char	*key;
	json_t		*value;

	if (!json_is_object(object))
		return refuse(r, "%s is no object", what);
	json_object_foreach(object, key, value) {
		const char *const	*name = names;

		while (*name != NULL && strcmp(*name, key) != 0)
			name++;
		if (*name == NULL)
			return refuse(r, "%s has a member '%.64s'", what, key);
	}
	return 0;
}

/* A number from min to max; absent: usual. */
static int
read_count(struct reading *r, const json_t *object, const char *name, int64_t min, int64_t max,
    int64_t usual, int64_t *out)
{
	const json_t	*value = json_object_get(object, name);

	*out = usual;
	if (value == NULL)
		return 0;
	*out = json_integer_value(value);
	if (!json_is_integer(value) || *out < min || *out > max)
		return refuse(r, "%s is no number from %lld to %lld", name, (long long)min,
		    (long long)max);
	return 0;
}

/* Of these characters, if any are said; absent: "" or, when at least one is needed, an error. */
static int
read_text(struct reading *r, const json_t *object, const char *name, const char *chars, size_t min,
    size_t max, const char **out)
{
	const json_t	*value = json_object_get(object, name);
	size_t		 len;

	*out = "";
	if (value == NULL && min == 0)
		return 0;
	if (!json_is_string(value))
		return refuse(r, "%s is %s", name, value == NULL ? "missing" : "no string");
	*out = json_string_value(value);
	len = json_string_length(value);
	if (len < min || len > max)
		return refuse(r, "%s has %zu bytes, and may have %zu to %zu", name, len, min, max);
	if (chars != NULL && strspn(*out, chars) != len)
		return refuse(r, "%s has characters other than %s", name, chars);
	return 0;
}

/* ---- types ---- */

static int
read_lane(struct reading *r, const json_t *item, enum lane *out)
{
	static const struct {
		const char	*name;
		enum lane	 lane;
	}			 lanes[] = {
		{ "process", LANE_PROCESS }, { "thread", LANE_THREAD }, { "async", LANE_ASYNC },
	};
	const json_t		*value = json_object_get(item, "lane");
	const char		*name = value == NULL ? "process" : json_string_value(value);

	for (size_t i = 0; name != NULL && i < sizeof(lanes) / sizeof(lanes[0]); i++)
		if (strcmp(name, lanes[i].name) == 0) {
			*out = lanes[i].lane;
			return 0;
		}
	return refuse(r, "lane is not process, thread or async");
}

static int
read_schema(struct reading *r, const json_t *item, char **out)
{
	const json_t	*value = json_object_get(item, "args_schema");

	if (value != NULL && !json_is_object(value) && !json_is_true(value))
		return refuse(r, "args_schema is no object, and not true");
	*out = value == NULL ? mem_strdup("true") : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	return 0;
}

static int
read_type(struct reading *r, json_t *item, struct ready_type *out)
{
	static const char *const	members[] = { "name", "lane", "summary", "args_schema", NULL };

	if (only_known(r, item, "a type", members) != 0 ||
	    read_text(r, item, "name", HANDLER_NAME_CHARS, 1, BOUND_NAME_BYTES, &out->name) != 0 ||
	    read_lane(r, item, &out->lane) != 0 ||
	    read_text(r, item, "summary", NULL, 0, READY_TEXT_MAX, &out->summary) != 0)
		return -1;
	return read_schema(r, item, &out->args_schema);
}

static int
read_types(struct reading *r, const json_t *params)
{
	const json_t	*types = json_object_get(params, "types");
	size_t		 count = json_array_size(types);

	if (count < 1 || count > READY_TYPES_MAX)
		return refuse(r, "types is no array of 1 to %d", READY_TYPES_MAX);
	r->out->types = mem_zalloc(count, sizeof(*r->out->types));
	for (size_t i = 0; i < count; i++) {
		struct ready_type	*t = &r->out->types[i];

		r->out->types_len = i + 1;
		if (read_type(r, json_array_get(types, i), t) != 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(r->out->types[k].name, t->name) == 0)
				return refuse(r, "type %s is there twice", t->name);
	}
	return 0;
}

static int
read_slots(struct reading *r, const json_t *params)
{
	static const char *const	members[] = { "process", "thread", "async", NULL };
	json_t				*slots = json_object_get(params, "slots");
	int64_t				 process, thread, async;
	uint32_t			*used = r->out->slots;

	if ((slots != NULL && only_known(r, slots, "slots", members) != 0) ||
	    read_count(r, slots, "process", 1, r->remote ? READY_PROCESS_MAX : 1, 1, &process) != 0 ||
	    read_count(r, slots, "thread", 1, READY_THREADS_MAX, THREADS_USUAL, &thread) != 0 ||
	    read_count(r, slots, "async", 1, READY_ASYNC_MAX, ASYNC_USUAL, &async) != 0)
		return -1;
	for (size_t i = 0; i < r->out->types_len; i++) {
		enum lane	lane = r->out->types[i].lane;

		used[lane] = (uint32_t)(lane == LANE_PROCESS ? process : lane == LANE_THREAD ? thread : async);
	}
	return 0;
}

/* ---- remote ---- */

static int
read_attempt(struct reading *r, json_t *item, struct ready_attempt *out)
{
	static const char *const	members[] = { "job", "attempt", "fence", NULL };
	int64_t				 job, attempt, fence;

	if (only_known(r, item, "one of running", members) != 0 ||
	    read_count(r, item, "job", 1, BOUND_JOB_ID, 0, &job) != 0 ||
	    read_count(r, item, "attempt", 1, UINT32_MAX, 0, &attempt) != 0 ||
	    read_count(r, item, "fence", 1, INT64_MAX, 0, &fence) != 0)
		return -1;
	*out = (struct ready_attempt){ .job = (uint64_t)job, .attempt = (uint32_t)attempt,
	    .fence = (uint64_t)fence };
	return 0;
}

static int
read_running(struct reading *r, const json_t *params)
{
	const json_t	*list = json_object_get(params, "running");
	size_t		 count = json_array_size(list);

	if (list != NULL && !json_is_array(list))
		return refuse(r, "running is no array");
	if (count == 0)
		return 0;
	r->out->running = mem_zalloc(count, sizeof(*r->out->running));
	r->out->running_len = count;
	for (size_t i = 0; i < count; i++)
		if (read_attempt(r, json_array_get(list, i), &r->out->running[i]) != 0)
			return -1;
	return 0;
}

static int
read_remote(struct reading *r, const json_t *params)
{
	int64_t	credit;

	if (read_text(r, params, "pool", HANDLER_NAME_CHARS, 1, BOUND_NAME_BYTES, &r->out->pool) != 0 ||
	    read_text(r, params, "name", NAME_CHARS, 1, BOUND_NAME_BYTES, &r->out->name) != 0 ||
	    read_text(r, params, "session", SESSION_CHARS, READY_SESSION_MIN, BOUND_NAME_BYTES,
	    &r->out->session) != 0 ||
	    read_count(r, params, "credit", 0, 1000000, READY_CREDIT_ANY, &credit) != 0)
		return -1;
	r->out->credit = (uint32_t)credit;
	return read_running(r, params);
}

/* ---- all of it ---- */

static int
read_params(struct reading *r, json_t *params)
{
	static const char *const	local[] = {
		"protocol", "language", "types", "slots", "max_line_bytes", NULL,
	};
	static const char *const	remote[] = {
		"protocol", "language", "types", "slots", "max_line_bytes",
		"pool", "name", "session", "credit", "running", NULL,
	};
	int64_t				protocol, max_line;

	if (only_known(r, params, "worker.ready", r->remote ? remote : local) != 0 ||
	    read_count(r, params, "protocol", 1, INT32_MAX, 0, &protocol) != 0)
		return -1;
	if (protocol != READY_PROTOCOL)
		return refuse(r, "protocol is not %d", READY_PROTOCOL);
	if (read_text(r, params, "language", NULL, 0, READY_LANGUAGE_MAX, &r->out->language) != 0 ||
	    read_types(r, params) != 0 || read_slots(r, params) != 0 ||
	    read_count(r, params, "max_line_bytes", READY_LINE_MIN, INT64_MAX, 0, &max_line) != 0)
		return -1;
	r->out->max_line = (size_t)max_line;
	return r->remote ? read_remote(r, params) : 0;
}

int
ready_read(struct span params, bool remote, struct ready *out, char *why, size_t size)
{
	struct reading	r = { out, remote, why, size };
	json_error_t	error;

	*out = (struct ready){ .pool = "", .name = "", .session = "" };
	out->tree = json_loadb(params.p, params.len, JSON_REJECT_DUPLICATES, &error);
	if (out->tree == NULL)
		return refuse(&r, "worker.ready: %s", error.text);
	if (read_params(&r, out->tree) == 0)
		return 0;
	ready_free(out);
	return -1;
}

void
ready_free(struct ready *r)
{
	for (size_t i = 0; i < r->types_len; i++)
		free(r->types[i].args_schema);
	free(r->types);
	free(r->running);
	json_decref(r->tree);
	*r = (struct ready){ 0 };
}
