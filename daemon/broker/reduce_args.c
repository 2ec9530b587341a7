/* reduce_args.c - the argument of a reduce job.  Runs in: broker, loop thread. */
#include "daemon/broker/reduce_args.h"

#include <string.h>

struct values {
	const char	*group, *path;
	uint64_t	 count;
};

static void
print_value(struct buf *out, const char *name, const struct values *v)
{
	if (strcmp(name, "group") == 0)
		buf_put_json(out, v->group, strlen(v->group));
	else if (strcmp(name, "path") == 0)
		buf_put_json(out, v->path, strlen(v->path));
	else
		buf_put_u64(out, v->count);
}

/* The placeholder that the string token p[0..len) is, quotes and all; NULL: it is none. */
static const char *
placeholder(const char *p, size_t len)
{
	static const char *const	names[] = { "group", "count", "path" };

	for (size_t i = 0; i < 3; i++) {
		size_t	n = strlen(names[i]);

		if (len == n + 4 && p[1] == '{' && p[len - 2] == '}' &&
		    memcmp(p + 2, names[i], n) == 0)
			return names[i];
	}
	return NULL;
}

/* Bytes of the string token that begins at p. */
static size_t
string_len(const char *p, const char *end)
{
	const char	*at = p + 1;

	while (at < end && *at != '"')
		at += *at == '\\' ? 2 : 1;
	return (size_t)(at + 1 - p);
}

/* Is the string that ends here a member's name? */
static bool
is_name(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	return at < end && *at == ':';
}

static void
replace(struct buf *out, struct span args, const struct values *v)
{
	const char	*end = args.p + args.len, *name;
	size_t		 len;

	for (const char *at = args.p; at < end; at += len) {
		len = *at == '"' ? string_len(at, end) : 1;
		name = len > 1 ? placeholder(at, len) : NULL;
		if (name != NULL && !is_name(at + len, end))
			print_value(out, name, v);
		else
			buf_append(out, at, len);
	}
}

void
reduce_args_print(struct buf *out, struct span args, const char *group, uint64_t count,
    const char *path)
{
	static const char	all[] =
	    "{\"group\":\"{group}\",\"count\":\"{count}\",\"path\":\"{path}\"}";
	const struct values	v = { group, path, count };

	if (args.len == 0)
		args = (struct span){ all, sizeof(all) - 1 };
	replace(out, args, &v);
}
