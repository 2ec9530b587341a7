/*
 * command_bounds.c - what a type's commands may reach: files, and the network.  Runs in: exec
 * workers, loop thread.
 */
#include <errno.h>

#include "workers/command_parts.h"

struct path_list {
	struct reading	*r;
	const char	*name;
	struct strings	*paths;
};

static int
add_path(void *arg, const struct member *element)
{
	struct path_list	*l = arg;
	char			*text = command_text(l->r, l->name, element);

	if (text == NULL)
		return -EINVAL;
	strings_add(l->paths, text);
	if (text[0] != '/')
		return command_refuse(l->r, l->name, "%.64s is not an absolute path", text);
	if (l->paths->n > COMMAND_PATHS_MAX)
		return command_refuse(l->r, l->name, "more than %d paths", COMMAND_PATHS_MAX);
	return 0;
}

static int
read_paths(struct reading *r, const char *name, const struct member *m, struct strings *out)
{
	struct path_list	l = { r, name, out };

	if (m->type != SCAN_ARRAY)
		return command_refuse(r, name, "not an array of paths");
	r->command->bounds.files = true;
	return member_each(m, add_path, &l);
}

int
command_read_read_paths(struct reading *r, const struct member *m)
{
	return read_paths(r, "read_paths", m, &r->command->bounds.read);
}

int
command_read_write_paths(struct reading *r, const struct member *m)
{
	return read_paths(r, "write_paths", m, &r->command->bounds.write);
}

int
command_read_network(struct reading *r, const struct member *m)
{
	bool	network;
	int	rc;

	if ((rc = command_bool(r, "network", m, &network)) == 0)
		r->command->bounds.no_network = !network;
	return rc;
}
