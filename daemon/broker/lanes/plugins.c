/* plugins.c - what plugins there are, as workers say.  Runs in: broker, loop thread. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "lib/log.h"
#include "workers/handler.h"

static const char *
text_of(const json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

static void
log_plugin(const json_t *row)
{
	const char	*error = text_of(row, "error"), *version = text_of(row, "version");

	if (error != NULL)
		log_error("plugin is refused file=%s why=\"%s\"", text_of(row, "file"), error);
	else
		log_info("plugin is loaded file=%s version=%s", text_of(row, "file"),
		    version == NULL ? "" : version);
}

/* Each worker says it of itself; they agree, unless the files have changed between their starts. */
void
plugins_declare(struct lanes *l, json_t *list)
{
	size_t	 at;
	json_t	*row;

	if (!json_is_array(list) || json_equal(list, l->plugins))
		return;
	json_decref(l->plugins);
	l->plugins = json_incref(list);
	json_array_foreach(list, at, row)
		if (text_of(row, "file") != NULL)
			log_plugin(row);
}

/* Do types wait for the io worker that plugins have of their own? */
void
plugins_start_worker(struct lanes *l)
{
	const struct type	*t;

	for (size_t at = 0; (t = core_type_next(l->broker->core, &at)) != NULL; )
		if (t->plugin != NULL && (t->lanes & (JOBD_LANE_ASYNC | JOBD_LANE_THREAD)) != 0) {
			lanes_need_plugin_worker(l);
			return;
		}
}

bool
lanes_plugin_next(const struct lanes *l, size_t *at, struct plugin_view *out)
{
	const json_t	*row;

	do {
		if ((row = json_array_get(l->plugins, (*at)++)) == NULL)
			return false;
	} while (text_of(row, "file") == NULL);
	*out = (struct plugin_view){
		.file = text_of(row, "file"), .name = text_of(row, "name"),
		.version = text_of(row, "version"), .error = text_of(row, "error"),
	};
	return true;
}
