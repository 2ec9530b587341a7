/*
 * chameleon.c - a plugin that is broken in the way that $JOBD_TEST_PLUGIN names when it is loaded.
 * For tests; never installed.
 */
#define jobd_plugin	declared	/* struct and symbol: the header's symbol is const */
#include "workers/handler.h"
#undef jobd_plugin

#include <stdlib.h>
#include <string.h>

static void
run(struct jobd_attempt *at)
{
	(void)at;
}

static struct jobd_handler	first = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "chameleon.first", .summary = "one", .lanes = JOBD_LANE_PROCESS, .run = run,
}, second = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "chameleon.second", .summary = "two",
	.args_schema = JOBD_JSON({"type": "object"}), .lanes = JOBD_LANE_PROCESS, .run = run,
};

static const struct jobd_handler *many[300];
static const struct jobd_handler *const none[] = { NULL };
static const struct jobd_handler *const handlers[] = { &first, &second, NULL };

extern struct declared	jobd_plugin;
struct declared		jobd_plugin = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct declared),
	.name = "chameleon", .version = "1.0", .handlers = handlers,
};

static const char	*way;

static bool
is(const char *word)
{
	return strcmp(way, word) == 0;
}

static void
break_plugin(void)
{
	if (is("plugin abi"))
		jobd_plugin.abi++;
	else if (is("plugin small"))
		jobd_plugin.size = 8;
	else if (is("plugin large"))
		jobd_plugin.size += 8;
	else if (is("plugin name"))
		jobd_plugin.name = "Chameleon";
	else if (is("version"))
		jobd_plugin.version = NULL;
	else if (is("no list"))
		jobd_plugin.handlers = NULL;
	else if (is("no handlers"))
		jobd_plugin.handlers = none;
	else if (is("many"))
		jobd_plugin.handlers = many;
}

static void
break_handler(void)
{
	if (is("abi"))
		second.abi = 0;
	else if (is("small"))
		second.size -= 8;
	else if (is("large"))
		second.size += 8;
	else if (is("name"))
		second.name = "Chameleon Second";
	else if (is("no name"))
		second.name = NULL;
	else if (is("twice"))
		second.name = first.name;
	else if (is("built in"))
		second.name = "echo";
	else if (is("summary"))
		second.summary = "\xff";
	else if (is("schema"))
		second.args_schema = JOBD_JSON({"type": "thing"});
	else if (is("inline"))
		second.lanes |= JOBD_LANE_INLINE;
	else if (is("no lane"))
		second.lanes = 0;
	else if (is("no run"))
		second.run = NULL;
	else if (is("no start"))
		second.lanes = JOBD_LANE_ASYNC;
	else if (is("unsafe"))
		second.lanes = JOBD_LANE_THREAD;
}

static void __attribute__((constructor))
set_up(void)
{
	if ((way = getenv("JOBD_TEST_PLUGIN")) == NULL)
		return;
	for (size_t i = 0; i + 1 < sizeof(many) / sizeof(many[0]); i++)
		many[i] = &first;
	break_plugin();
	break_handler();
}
