/* select.c - which jobs a verb is about.  Runs in: jobctl. */
#include "client/select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/jobopts.h"
#include "client/list.h"
#include "lib/alloc.h"
#include "lib/map.h"

/* ---- words ---- */

static int
parse_id(const char *text, size_t len, uint64_t *out)
{
	int64_t	v;
	int	rc = parse_i64(text, len, 1, BOUND_JOB_ID - 1, &v);

	if (rc == 0)
		*out = (uint64_t)v;
	return rc;
}

static int
parse_last(const char *word, struct select_word *out)
{
	uint64_t	n = 1;
	int		rc;

	if (word[0] == ':' && (rc = parse_id(word + 1, strlen(word + 1), &n)) != 0)
		return rc;
	if (word[0] != ':' && word[0] != '\0')
		return -EINVAL;
	if (n > SELECT_IDS_MAX)
		return -ERANGE;
	*out = (struct select_word){ .count = n };
	return 0;
}

int
select_parse(const char *word, struct select_word *out)
{
	struct select_word	w = { 0 };
	const char		*dash = strchr(word, '-');
	int			 rc;

	if (strncmp(word, "@last", 5) == 0)
		return parse_last(word + 5, out);
	if (dash == NULL) {
		if ((rc = parse_id(word, strlen(word), &w.first)) != 0)
			return rc;
		w.last = w.first;
	} else {
		if ((rc = parse_id(word, (size_t)(dash - word), &w.first)) != 0 ||
		    (rc = parse_id(dash + 1, strlen(dash + 1), &w.last)) != 0)
			return rc;
		if (w.last < w.first || w.last - w.first >= SELECT_IDS_MAX)
			return -ERANGE;
	}
	*out = w;
	return 0;
}

/* ---- filters ---- */

bool
select_has_filter(const struct options *o)
{
	return option_given(o, OPT_in_queue) || option_given(o, OPT_type) ||
	    option_given(o, OPT_state) || option_given(o, OPT_with_key) ||
	    option_given(o, OPT_in_group) || option_given(o, OPT_by) ||
	    option_given(o, OPT_of_tenant) || option_given(o, OPT_since) ||
	    option_given(o, OPT_until) || o->pairs_len > 0;
}

static void
put_name(struct buf *out, size_t start, const char *name)
{
	if (buf_len(out) > start + 1)
		buf_putc(out, ',');
	json_put_text(out, name);
	buf_putc(out, ':');
}

static void
put_member(struct buf *out, size_t start, const char *name, const char *text)
{
	if (text == NULL)
		return;
	put_name(out, start, name);
	json_put_text(out, text);
}

static void
put_time(const struct options *o, enum option opt, size_t start, const char *name, struct buf *out)
{
	if (!option_given(o, opt))
		return;
	put_name(out, start, name);
	buf_put_i64(out, o->number[opt]);
}

void
select_put_filter(const struct options *o, const char *me, const char *by_default, struct buf *out)
{
	size_t		 start = buf_len(out);
	const char	*by = option_given(o, OPT_by) ? o->text[OPT_by] : by_default;

	if (by != NULL && strcmp(by, "me") == 0)
		by = me;
	buf_putc(out, '{');
	put_member(out, start, "queue", o->text[OPT_in_queue]);
	put_member(out, start, "type", o->text[OPT_type]);
	put_member(out, start, "state", o->text[OPT_state]);
	put_member(out, start, "order_key", o->text[OPT_with_key]);
	put_member(out, start, "group", o->text[OPT_in_group]);
	put_member(out, start, "by", by);
	put_member(out, start, "tenant", o->text[OPT_of_tenant]);
	put_time(o, OPT_since, start, "since_ms", out);
	put_time(o, OPT_until, start, "until_ms", out);
	if (o->pairs_len > 0) {
		buf_puts(out, buf_len(out) > start + 1 ? ",\"label\":" : "\"label\":");
		jobopts_put_labels(o, NULL, NULL, out);
	}
	buf_putc(out, '}');
}

/* ---- ids ---- */

struct builder {
	struct ctl	*ctl;
	struct selection*out;
	struct idmap	 seen;
	size_t		 cap;
	size_t		 listed;		/* by the daemon, for one word */
};

static int
add(struct builder *b, uint64_t id)
{
	struct selection	*s = b->out;

	if (idmap_get(&b->seen, id) != NULL)
		return 0;
	if (s->len == SELECT_IDS_MAX)
		return ctl_usage(b->ctl, "more than %d jobs at once", SELECT_IDS_MAX);
	if (s->len == b->cap) {
		b->cap = b->cap == 0 ? 16 : b->cap * 2;
		s->ids = mem_resize(s->ids, b->cap, sizeof(*s->ids));
	}
	s->ids[s->len++] = id;
	idmap_put(&b->seen, id, b);
	return 0;
}

static int
add_item(struct ctl *ctl, struct span item, void *ctx)
{
	struct builder	*b = ctx;
	int64_t		 id;

	(void)ctl;
	if (!json_int(item, "id", &id) || id <= 0)
		return 0;
	b->listed++;
	return add(b, (uint64_t)id);
}

/* Jobs that the daemon lists, newest first there, oldest first here. */
static int
add_listed(struct builder *b, const char *by_default, uint64_t most)
{
	struct buf		 filter = { 0 };
	struct selection	*s = b->out;
	size_t			 from = s->len;
	int			 rc;

	select_put_filter(&b->ctl->opt, b->ctl->principal, by_default, &filter);
	rc = list_each(b->ctl, "job.list", &filter, most, NULL, add_item, b);
	buf_free(&filter);
	for (size_t i = from, j = s->len; i + 1 < j; i++) {
		uint64_t	id = s->ids[i];

		s->ids[i] = s->ids[--j];
		s->ids[j] = id;
	}
	return rc;
}

/* What can be said of the words without asking anybody. */
static int
check_words(struct ctl *ctl)
{
	const struct options	*o = &ctl->opt;
	struct select_word	 w;

	if (o->operands_len == 0 && !select_has_filter(o))
		return ctl_usage(ctl, "which jobs? ids, 3-7, @last, or filters such as --state");
	for (int i = 0; i < o->operands_len; i++) {
		int	rc = select_parse(o->operands[i], &w);

		if (rc == -ERANGE)
			return ctl_usage(ctl, "'%s' is out of range", o->operands[i]);
		if (rc != 0)
			return ctl_usage(ctl, "'%s' is no job: write 42, 3-7, @last or @last:3",
			    o->operands[i]);
		if (w.count == 0 && select_has_filter(o))
			return ctl_usage(ctl, "ids and filters together: give one or the other");
	}
	return 0;
}

static int
add_word(struct builder *b, const char *word)
{
	struct select_word	w;
	int			rc = 0;

	select_parse(word, &w);
	if (w.count > 0) {
		b->listed = 0;
		if ((rc = add_listed(b, "me", w.count)) == 0 && b->listed == 0)
			return ctl_fail(b->ctl, EXIT_NOT_FOUND,
			    "%s: the daemon knows no such job of yours", word);
		return rc;
	}
	for (uint64_t id = w.first; rc == 0 && id <= w.last; id++)
		rc = add(b, id);
	return rc;
}

int
select_jobs(struct ctl *ctl, int64_t line_bytes, struct selection *out)
{
	struct builder	b = { .ctl = ctl, .out = out };
	int		rc;

	memset(out, 0, sizeof(*out));
	if ((rc = check_words(ctl)) != 0 || (rc = ctl_connect(ctl, line_bytes)) != 0)
		return rc;
	if (ctl->opt.operands_len == 0)
		rc = add_listed(&b, NULL, UINT64_MAX);
	for (int i = 0; rc == 0 && i < ctl->opt.operands_len; i++)
		rc = add_word(&b, ctl->opt.operands[i]);
	idmap_free(&b.seen);
	if (rc != 0)
		selection_free(out);
	return rc;
}

int
select_job(struct ctl *ctl, int64_t line_bytes, uint64_t *id)
{
	struct selection	s;
	int			rc = select_jobs(ctl, line_bytes, &s);

	if (rc != 0)
		return rc;
	if (s.len == 1)
		*id = s.ids[0];
	else
		rc = ctl_usage(ctl, "one job, not %zu", s.len);
	selection_free(&s);
	return rc;
}

void
selection_free(struct selection *s)
{
	free(s->ids);
	memset(s, 0, sizeof(*s));
}
