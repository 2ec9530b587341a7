/*
 * handler_rules.h - what a handler may declare.  The worker asks before it loads a plugin, the
 * broker before it believes a worker.
 */
#ifndef WORKERS_HANDLER_RULES_H
#define WORKERS_HANDLER_RULES_H

#include <string.h>

#include "proto/bounds.h"
#include "workers/handler.h"

#define HANDLER_NAME_CHARS	"abcdefghijklmnopqrstuvwxyz0123456789_.-"

static inline bool
handler_name_ok(const char *name)
{
	size_t	len = name == NULL ? 0 : strnlen(name, BOUND_NAME_BYTES + 1);

	return len > 0 && len <= BOUND_NAME_BYTES && strspn(name, HANDLER_NAME_CHARS) == len;
}

/* Each lane needs its implementation.  NULL, or what is wrong. */
static inline const char *
handler_wrong_with(const char *name, uint32_t traits, uint32_t lanes, bool has_run, bool has_start)
{
	if (!handler_name_ok(name))
		return "a name is [a-z0-9_.-]{1,64}";
	if ((lanes & (JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS)) == 0)
		return "no lane is safe";
	if ((lanes & JOBD_LANE_ASYNC) && !has_start)
		return "the async lane needs start";
	if ((lanes & (JOBD_LANE_THREAD | JOBD_LANE_PROCESS)) && !has_run)
		return "the thread and process lanes need run";
	if ((lanes & JOBD_LANE_THREAD) && !(traits & JOBD_THREAD_SAFE))
		return "the thread lane needs thread_safe";
	return NULL;
}

#endif
