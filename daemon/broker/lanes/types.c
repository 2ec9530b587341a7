/* types.c - what a worker's hello declares becomes types of core.  Runs in: broker, loop thread. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "lib/alloc.h"
#include "workers/handler.h"

struct flag {
	const char	*name;
	uint32_t	 bit;
};

static const struct flag	trait_flags[] = {
	{ "cpu_bound", JOBD_CPU_BOUND }, { "waits", JOBD_WAITS }, { "thread_safe", JOBD_THREAD_SAFE },
};
static const struct flag	lane_flags[] = {
	{ "inline", JOBD_LANE_INLINE }, { "async", JOBD_LANE_ASYNC },
	{ "thread", JOBD_LANE_THREAD }, { "process", JOBD_LANE_PROCESS },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t
read_traits(const json_t *object)
{
	uint32_t	bits = 0;

	for (size_t i = 0; i < COUNT(trait_flags); i++)
		if (json_is_true(json_object_get(object, trait_flags[i].name)))
			bits |= trait_flags[i].bit;
	return bits;
}

static uint32_t
read_lanes(const json_t *array)
{
	uint32_t	 bits = 0;
	size_t		 at;
	json_t		*item;

	json_array_foreach(array, at, item)
		for (size_t i = 0; i < COUNT(lane_flags); i++)
			if (json_is_string(item) &&
			    strcmp(json_string_value(item), lane_flags[i].name) == 0)
				bits |= lane_flags[i].bit;
	return bits;
}

/* A declaration must be one that the router can follow: each lane needs its implementation. */
static const char *
wrong_with(const struct type *t)
{
	size_t	len = t->name == NULL ? 0 : strlen(t->name);

	if (len == 0 || len > BOUND_NAME_BYTES ||
	    strspn(t->name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != len)
		return "a name is [a-z0-9_.-]{1,64}";
	if ((t->lanes & (JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS)) == 0)
		return "no lane is safe";
	if ((t->lanes & JOBD_LANE_ASYNC) && !t->has_start)
		return "the async lane needs start";
	if ((t->lanes & (JOBD_LANE_THREAD | JOBD_LANE_PROCESS)) && !t->has_run)
		return "the thread and process lanes need run";
	if (t->args_schema[0] != '{' && strcmp(t->args_schema, "true") != 0)
		return "args_schema is an object, or true";
	if ((t->lanes & JOBD_LANE_THREAD) && !(t->traits & JOBD_THREAD_SAFE))
		return "the thread lane needs thread_safe";
	return NULL;
}

static int
declare_one(struct core *c, const json_t *item, char *why, size_t size)
{
	const char	*summary = json_string_value(json_object_get(item, "summary"));
	const json_t	*schema = json_object_get(item, "args_schema");
	char		*args = schema == NULL ? mem_strdup("true") :
	    json_dumps(schema, JSON_COMPACT | JSON_ENCODE_ANY);
	const char	*wrong;
	struct type	 t = {
		.name = (char *)(size_t)json_string_value(json_object_get(item, "name")),
		.summary = (char *)(size_t)(summary == NULL ? "" : summary),
		.args_schema = args,
		.traits = read_traits(json_object_get(item, "traits")),
		.lanes = read_lanes(json_object_get(item, "lanes")),
		.has_run = json_is_true(json_object_get(item, "run")),
		.has_start = json_is_true(json_object_get(item, "start")),
	};

	if ((wrong = wrong_with(&t)) != NULL)
		snprintf(why, size, "type %.64s: %s", t.name == NULL ? "?" : t.name, wrong);
	else
		core_type_define(c, &t);
	free(args);
	return wrong == NULL ? 0 : -1;
}

int
types_declare(struct core *c, const char *text, size_t len, char *why, size_t size)
{
	json_error_t	 error;
	json_t		*root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	json_t		*types = json_object_get(root, "types"), *item;
	size_t		 at;
	int		 rc = 0;

	if (!json_is_array(types)) {
		snprintf(why, size, "its hello is no object with types");
		rc = -1;
	}
	json_array_foreach(types, at, item)
		if (rc == 0)
			rc = declare_one(c, item, why, size);
	json_decref(root);
	return rc;
}
