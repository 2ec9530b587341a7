/* settings.c - what was set, and by whom.  Runs in: supervisor, broker, jobctl. */
#include "proto/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "proto/config.h"

void
settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	list_init(&s->all);
}

static void
drop(struct settings *s, struct setting *one)
{
	if (one == NULL)
		return;
	namemap_del(&s->by_name, one->text, one->name_len);
	list_remove(&one->link);
	free(one->text);
	free(one->origin);
	free(one);
}

void
settings_fini(struct settings *s)
{
	while (!list_empty(&s->all))
		drop(s, list_entry(s->all.next, struct setting, link));
	namemap_free(&s->by_name);
	settings_init(s);
}

void
settings_move(struct settings *to, struct settings *from)
{
	settings_fini(to);
	list_append(&to->all, &from->all);
	to->by_name = from->by_name;
	settings_init(from);
}

void
settings_add(struct settings *s, const char *text, const char *origin)
{
	struct setting	*one = mem_zalloc(1, sizeof(*one));

	one->text = mem_strdup(text);
	one->name_len = strcspn(text, "=");
	one->origin = mem_strdup(origin);
	drop(s, namemap_get(&s->by_name, one->text, one->name_len));
	list_push_back(&s->all, &one->link);
	namemap_put(&s->by_name, one->text, one->name_len, one);
}

const struct setting *
settings_find(const struct settings *s, const char *name)
{
	return namemap_get(&s->by_name, name, strlen(name));
}

/* ---- handed over: origin NUL text NUL, and so on ---- */

static void
put(struct buf *out, const char *text)
{
	buf_append(out, text, strlen(text) + 1);
}

int
settings_share(const struct settings *s)
{
	struct buf	out = { 0 };
	int		rc;

	list_for (node, &s->all) {
		const struct setting	*one = list_entry(node, struct setting, link);

		put(&out, one->origin);
		put(&out, one->text);
	}
	rc = buf_len(&out) > SETTINGS_BYTES_MAX ? -EFBIG :
	    fd_share("jobd-settings", &(struct iovec){ buf_data(&out), buf_len(&out) }, 1);
	buf_free(&out);
	return rc;
}

/* The next text of the memfd; NULL: there is none, or it does not end. */
static const char *
take(const char **at, const char *end)
{
	const char	*text = *at, *nul = text == end ? NULL : memchr(text, '\0', (size_t)(end - text));

	if (nul == NULL)
		return NULL;
	*at = nul + 1;
	return text;
}

int
settings_receive(int fd, struct settings *s, struct config *c, char *why, size_t size)
{
	size_t		 len;
	char		*all = fd_read_shared(fd, SETTINGS_BYTES_MAX, &len);
	const char	*at = all, *end = all + len, *origin, *text;
	int		 rc = 0;

	if (all == NULL) {
		snprintf(why, size, "the settings cannot be read: %s", strerror(errno));
		return -EINVAL;
	}
	while (rc == 0 && at < end) {
		if ((origin = take(&at, end)) == NULL || (text = take(&at, end)) == NULL) {
			snprintf(why, size, "the settings are cut short");
			rc = -EINVAL;
		} else if ((rc = config_set(c, text, why, size)) == 0) {
			settings_add(s, text, origin);
		}
	}
	free(all);
	return rc;
}
