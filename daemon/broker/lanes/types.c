/* types.c - what a worker's hello declares becomes types of core.  Runs in: broker, loop thread. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "workers/handler_rules.h"

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

/* A declaration must be one that the router can follow; and no worker makes another one's type its. */
static const char *
wrong_with(const struct core *c, const struct type *t)
{
	const char		*wrong = handler_wrong_with(t->name, t->traits, t->lanes, t->has_run,
	    t->has_start);
	const struct type	*known;

	if (wrong != NULL)
		return wrong;
	if (t->args_schema[0] != '{' && strcmp(t->args_schema, "true") != 0)
		return "args_schema is an object, or true";
	if (t->plugin != NULL && (!handler_name_ok(t->plugin) || (t->lanes & JOBD_LANE_INLINE) != 0))
		return "no such type can come from a plugin";
	known = core_type_find(c, t->name, strlen(t->name));
	if (known != NULL && !known->unserved && known->pool != t->pool && known->file == NULL)
		return "another pool of workers has that type";
	return NULL;
}

/* An administrator's file may not take a handler's name, but it is read before handlers are known. */
static void
say_left_out(const struct core *c, const struct type *t)
{
	const struct type	*known = core_type_find(c, t->name, strlen(t->name));

	if (known != NULL && !known->unserved && known->file != NULL)
		log_error("type is left out type=%s file=%s why=\"a handler has this name\"", t->name,
		    known->file);
}

static int
declare_one(struct core *c, const json_t *item, char *why, size_t size)
{
	const char	*plugin = json_string_value(json_object_get(item, "plugin"));
	const char	*summary = json_string_value(json_object_get(item, "summary"));
	const json_t	*schema = json_object_get(item, "args_schema");
	char		*args = schema == NULL ? mem_strdup("true") :
	    json_dumps(schema, JSON_COMPACT | JSON_ENCODE_ANY);
	const char	*wrong;
	struct type	 t = {
		.name = (char *)(size_t)json_string_value(json_object_get(item, "name")),
		.summary = (char *)(size_t)(summary == NULL ? "" : summary),
		.args_schema = args,
		.plugin = (char *)(size_t)plugin,
		.pool = core_pool_get(c, plugin == NULL ? (struct span){ "", 0 } :
		    (struct span){ "plugin", 6 }),
		.traits = read_traits(json_object_get(item, "traits")),
		.lanes = read_lanes(json_object_get(item, "lanes")),
		.has_run = json_is_true(json_object_get(item, "run")),
		.has_start = json_is_true(json_object_get(item, "start")),
	};

	if ((wrong = wrong_with(c, &t)) != NULL)
		snprintf(why, size, "type %.64s: %s", t.name == NULL ? "?" : t.name, wrong);
	else {
		say_left_out(c, &t);
		core_type_define(c, &t);
	}
	free(args);
	return wrong == NULL ? 0 : -1;
}

int
types_declare(struct seat *seat, const char *text, size_t len, char *why, size_t size)
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
			rc = declare_one(seat->lanes->broker->core, item, why, size);
	if (rc == 0 && seat->lane != CONTROL_LANE_IO) {		/* that one loads none */
		plugins_declare(seat->lanes, json_object_get(root, "plugins"));
		plugins_start_worker(seat->lanes);
	}
	json_decref(root);
	return rc;
}
