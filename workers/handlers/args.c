/* args.c - members of a built-in handler's argument.  Runs in: workers, any thread. */
#include "workers/handlers/args.h"

#include <jansson.h>

#include "workers/attempt.h"

struct json_t *
args_get(const struct jobd_attempt *at, const char *name)
{
	return json_object_get(at->tree, name);
}

int64_t
args_int(const struct jobd_attempt *at, const char *name)
{
	return json_integer_value(args_get(at, name));
}

bool
args_true(const struct jobd_attempt *at, const char *name)
{
	return json_is_true(args_get(at, name));
}

const char *
args_text(const struct jobd_attempt *at, const char *name)
{
	return json_string_value(args_get(at, name));
}

/* ---- the same for plugins ---- */

int64_t
jobd_arg_int(const struct jobd_attempt *at, const char *name)
{
	return args_int(at, name);
}

bool
jobd_arg_true(const struct jobd_attempt *at, const char *name)
{
	return args_true(at, name);
}

const char *
jobd_arg_text(const struct jobd_attempt *at, const char *name)
{
	return args_text(at, name);
}
