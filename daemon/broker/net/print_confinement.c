/* print_confinement.c - what commands of a type may reach.  Runs in: broker, loop thread. */
#include "daemon/broker/net/print_confinement.h"

#include <string.h>

#include "daemon/broker/net/print_job.h"
#include "lib/confine.h"
#include "proto/json_find.h"

/* A member's raw text; a length of 0: there is none. */
static struct span
find(struct span object, const char *name)
{
	struct buf	scratch = { 0 };
	struct span	raw, none = { 0 };
	enum scan_type	type;
	bool		there;

	there = json_find(object, (struct span){ name, strlen(name) }, &scratch, &type, &raw);
	buf_free(&scratch);
	return there ? raw : none;
}

/* One that is not said, when the other is, is empty. */
static void
print_list(struct buf *out, struct span list, bool files)
{
	if (list.len > 0)
		buf_append(out, list.p, list.len);
	else
		buf_puts(out, files ? "[]" : "null");
}

void
print_confinement(struct buf *out, const char *spec)
{
	struct span	object = { spec, spec == NULL ? 0 : strlen(spec) };
	struct span	read = find(object, "read_paths"), write = find(object, "write_paths");
	struct span	network = find(object, "network");
	bool		files = read.len > 0 || write.len > 0;
	bool		off = network.len == 5 && memcmp(network.p, "false", 5) == 0;
	const char	*missing;

	if (!files && !off) {
		print_literal(out, "null");
		return;
	}
	print_literal(out, "{\"read_paths\":");
	print_list(out, read, files);
	print_next(out, "write_paths");
	print_list(out, write, files);
	print_next(out, "network");
	print_bool(out, !off);
	print_next(out, "missing");
	if ((missing = confine_missing(files, off)) == NULL)
		print_literal(out, "null");
	else
		print_string(out, missing);
	buf_putc(out, '}');
}
