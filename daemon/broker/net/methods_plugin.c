/* methods_plugin.c - plugin.*.  Runs in: broker, loop thread. */
#include <string.h>

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"

static void
print_types_of(const struct core *c, const char *plugin, struct buf *out)
{
	const struct type	*t;
	bool			 first = true;

	print_next(out, "types");
	buf_putc(out, '[');
	for (size_t at = 0; plugin != NULL && (t = core_type_next(c, &at)) != NULL; ) {
		if (t->plugin == NULL || strcmp(t->plugin, plugin) != 0)
			continue;
		if (!first)
			buf_putc(out, ',');
		first = false;
		print_string(out, t->name);
	}
	buf_putc(out, ']');
}

static bool
print_plugin(const struct net *n, size_t *at, struct buf *out)
{
	struct plugin_view	v;

	if (!lanes_plugin_next(n->broker->lanes, at, &v))
		return false;
	print_literal(out, "{\"file\":");
	print_string(out, v.file);
	print_next(out, "name");
	print_string_or_null(out, v.name);
	print_next(out, "version");
	print_string_or_null(out, v.version);
	print_types_of(n->broker->core, v.error == NULL ? v.name : NULL, out);
	print_next(out, "error");
	print_string_or_null(out, v.error);
	buf_putc(out, '}');
	return true;
}

int
method_plugin_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_plugin, err);
}
