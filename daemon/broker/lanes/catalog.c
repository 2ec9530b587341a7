/* catalog.c - the supervisor's catalog becomes types of core.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/catalog.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/exec.h"
#include "daemon/broker/lanes/pools.h"
#include "daemon/broker/route/programs.h"
#include "daemon/broker/router.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "proto/catalog.h"
#include "workers/handler_rules.h"

#define COMMAND_TIMEOUT_MS	3600000		/* of commands that say nothing of it */
#define COMMAND_LANES		(JOBD_LANE_PROCESS | JOBD_LANE_ASYNC)

/* What an exec worker's jobs of the type `command` take; proto/command.h. */
static const char	command_schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"argv\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\"}},"
    "\"cwd\":{\"type\":\"string\"},\"env\":{\"type\":\"object\"},"
    "\"stdin\":{\"type\":\"string\"},\"stdin_base64\":{\"type\":\"string\"},"
    "\"stdin_stream\":{\"type\":\"boolean\"},"
    "\"result\":{\"enum\":[\"output\",\"json\",\"file\"]},\"tmpdir\":{\"type\":\"boolean\"},"
    "\"umask\":{\"type\":\"integer\"},\"nice\":{\"type\":\"integer\"},"
    "\"grace_ms\":{\"type\":\"integer\"},"
    "\"success_codes\":{\"type\":\"array\"},\"retry_codes\":{\"type\":\"array\"},"
    "\"final_codes\":{\"type\":\"array\"},"
    "\"success\":{\"type\":\"array\"},\"retry\":{\"type\":\"array\"},"
    "\"final\":{\"type\":\"array\"}},"
    "\"required\":[\"argv\"],\"additionalProperties\":false}";

/* ---- members ---- */

static int64_t
number(const json_t *o, const char *name, int64_t otherwise)
{
	const json_t	*v = json_object_get(o, name);

	return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : otherwise;
}

static char *
text(const json_t *o, const char *name)
{
	return (char *)(size_t)json_string_value(json_object_get(o, name));
}

/* What is not said is as usual, so a part of it that nobody understands is left out. */
static void
read_retry(const json_t *o, struct retry_policy *out)
{
	char			*is = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	struct rpc_value	 v = { .p = is, .len = is == NULL ? 0 : (uint32_t)strlen(is), .given = true,
	    .i = (int64_t)json_object_size(o) };
	struct rpc_error	 err;

	if (is != NULL && retry_policy_read(&v, out, &err) != 0)
		log_error("retry of a type is left out why=\"%s\"", err.message);
	free(is);
}

void
catalog_defaults(const json_t *o, int64_t timeout_ms, struct type_defaults *out)
{
	const json_t	*priority = json_object_get(o, "priority");
	const char	*on_lost = text(o, "on_lost");

	out->queue = text(o, "queue");
	out->priority_said = json_is_integer(priority);
	out->priority = (int)json_integer_value(priority);
	out->timeout_ms = number(o, "timeout_ms", timeout_ms);
	out->ttl_ms = number(o, "ttl_ms", 0);
	if (on_lost != NULL && strcmp(on_lost, "fail") == 0)
		out->on_lost = ON_LOST_FAIL;
	read_retry(json_object_get(o, "retry"), &out->retry);
}

/* ---- types ---- */

/* NULL, or why a command cannot be a type. */
static const char *
wrong_with(struct lanes *l, const struct type *t)
{
	const struct type	*known;
	const char		*wrong = handler_wrong_with(t->name, t->traits, t->lanes, true, true);

	if (wrong != NULL)
		return wrong;
	if (t->pool == CORE_NO_POOL)
		return "there are too many pools";
	known = core_type_find(l->broker->core, t->name, strlen(t->name));
	if (known != NULL && !known->unserved && known->spec == NULL)
		return "a handler of jobd or of a plugin has this name";
	if (known != NULL && known->spec != NULL && known->file == NULL)
		return "jobd has a type of its own with this name";
	return NULL;
}

static void
refuse(struct lanes *l, const char *file, const char *key, const char *why)
{
	json_t	*errors = json_object_get(l->catalog, "errors");

	log_error("type is left out file=%s key=%s why=\"%s\"", file == NULL ? "" : file, key, why);
	json_array_append_new(errors, json_pack("{s:s, s:i, s:s, s:s}", "file",
	    file == NULL ? "" : file, "line", 0, "key", key, "message", why));
}

/* What the worker counts from SIGTERM to SIGKILL is what core counts: jobs.grace_ms if the file says none. */
static char *
print_spec(const struct lanes *l, json_t *spec)
{
	if (json_is_object(spec) && json_object_get(spec, "grace_ms") == NULL)
		json_object_set_new(spec, "grace_ms", json_integer(l->broker->config.grace_ms));
	return json_dumps(spec, JSON_COMPACT);
}

/* By its name it is known that it is in this catalog. */
static void
define(struct lanes *l, const json_t *command, json_t *names)
{
	const json_t	*schema = json_object_get(command, "args_schema");
	char		*args = schema == NULL ? mem_strdup("true") :
	    json_dumps(schema, JSON_COMPACT | JSON_ENCODE_ANY);
	char		*spec = print_spec(l, json_object_get(command, "spec"));
	const char	*summary = text(command, "summary"), *user = text(command, "user"), *wrong;
	struct type	 t = {
		.name = text(command, "name"),
		.summary = (char *)(size_t)(summary == NULL ? "" : summary),
		.args_schema = args, .spec = spec, .file = text(command, "file"),
		.pool = exec_pool(l, user == NULL ? EXEC_USUAL : user),
		.traits = json_is_true(json_object_get(command, "cpu_bound")) ? JOBD_CPU_BOUND : 0,
		.lanes = COMMAND_LANES, .has_run = true, .has_start = true,
		.role = ROLE_submitter,
		.grace_ms = number(command, "grace_ms", 0),
		.output_bytes = (uint64_t)number(command, "output_bytes", 0),
		.declared_running = (uint32_t)number(command, "max_running", 0),
	};

	catalog_defaults(json_object_get(command, "defaults"), COMMAND_TIMEOUT_MS, &t.defaults);
	if (spec == NULL || t.file == NULL)
		refuse(l, t.file, "", "the supervisor's catalog has no spec or file of it");
	else if ((wrong = wrong_with(l, &t)) != NULL)
		refuse(l, t.file, "", wrong);
	else {
		core_type_define(l->broker->core, &t);
		json_object_set_new(names, t.name, json_true());
	}
	free(args);
	free(spec);
}

/* Types of files that are not there any more, or are wrong now. */
static void
leave_out(struct lanes *l, const json_t *names)
{
	struct type	*t;

	for (size_t at = 0; (t = core_type_next(l->broker->core, &at)) != NULL; ) {
		if (t->spec == NULL || t->file == NULL || t->unserved ||
		    json_object_get(names, t->name) != NULL)
			continue;
		log_info("type is not there any more type=%s file=%s", t->name, t->file);
		core_type_gone(l->broker->core, t);
	}
}

static void
log_errors(const json_t *errors)
{
	size_t		 at;
	json_t		*row;

	json_array_foreach(errors, at, row)
		log_debug("type is left out file=%s line=%lld key=%s why=\"%s\"", text(row, "file"),
		    (long long)number(row, "line", 0), text(row, "key"), text(row, "message"));
}

static bool
is_catalog(const json_t *root)
{
	return json_is_object(root) && json_array_size(json_object_get(root, "commands")) <= CATALOG_TYPES_MAX;
}

int
catalog_apply(struct lanes *l, const char *p, size_t len)
{
	json_error_t	 error;
	json_t		*root = json_loadb(p, len, JSON_REJECT_DUPLICATES, &error), *names, *command;
	size_t		 at;

	if (!is_catalog(root)) {
		log_error("the supervisor's catalog is none why=\"%s\"", root == NULL ? error.text : "");
		json_decref(root);
		return -1;
	}
	json_decref(l->catalog);
	l->catalog = root;
	if (!json_is_array(json_object_get(root, "errors")))
		json_object_set_new(root, "errors", json_array());
	log_errors(json_object_get(root, "errors"));
	names = json_object();
	json_array_foreach(json_object_get(root, "commands"), at, command)
		define(l, command, names);
	leave_out(l, names);
	json_decref(names);
	pools_catalog(l, json_object_get(root, "pools"));
	router_adopt(l->broker);
	return 0;
}

void
catalog_take(struct lanes *l, int fd)
{
	size_t	 len;
	char	*p = fd_read_shared(fd, CATALOG_BYTES_MAX, &len);

	if (p == NULL)
		log_error("the supervisor's catalog cannot be read errno=%d", errno);
	else
		catalog_apply(l, p, len);
	free(p);
}

void
catalog_builtin(struct lanes *l)
{
	char		*spec = mem_printf(PROGRAMS_FREE_SPEC ",\"grace_ms\":%lld}",
	    (long long)l->broker->config.grace_ms);
	struct type	t = {
		.name = (char[]){ "command" },
		.summary = (char[]){ "runs a program with the arguments that the job gives" },
		.args_schema = (char *)(size_t)command_schema,
		.spec = spec,
		.pool = exec_pool(l, EXEC_USUAL),
		.lanes = COMMAND_LANES, .has_run = true, .has_start = true,
		.role = ROLE_operator,
		.defaults = { .timeout_ms = COMMAND_TIMEOUT_MS },
	};

	core_type_define(l->broker->core, &t);
	free(spec);
}

/* ---- to look at ---- */

bool
lanes_left_out_next(const struct lanes *l, size_t *at, struct left_out *out)
{
	const json_t	*row = json_array_get(json_object_get(l->catalog, "errors"), (*at)++);

	if (row == NULL)
		return false;
	*out = (struct left_out){
		.file = text(row, "file"), .key = text(row, "key"), .message = text(row, "message"),
		.line = number(row, "line", 0),
	};
	return true;
}
