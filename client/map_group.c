/* map_group.c - jobctl map --reduce and --max-fails: the jobs of a map as a group.
 * Runs in: jobctl. */
#include "client/map.h"

#include <stdlib.h>
#include <string.h>

#include "client/group.h"
#include "client/outcome.h"
#include "lib/alloc.h"

/* ---- making it ---- */

static int
put_reduce(struct map *m, const char *text, struct buf *out)
{
	int	rc = group_put_reduce(m->ctl, text, &m->reduce, out);

	buf_puts(out, ",\"labels\":{\"map\":");
	json_put_text(out, m->label);
	buf_puts(out, "}}");
	return rc;
}

static int
put_wish(struct map *m, struct buf *out)
{
	const struct options	*o = &m->ctl->opt;
	int			 rc = 0;

	/* the one who hears the outcomes is us: with us, nobody waits for them */
	buf_puts(out, "{\"durability\":");
	json_put_text(out, option_given(o, OPT_durability) ? o->text[OPT_durability] : "memory");
	if (option_given(o, OPT_max_fails))
		buf_printf(out, ",\"max_fails\":%lld", (long long)o->number[OPT_max_fails]);
	if (option_given(o, OPT_reduce)) {
		buf_putc(out, ',');
		rc = put_reduce(m, o->text[OPT_reduce], out);
	}
	buf_putc(out, '}');
	return rc;
}

int
map_group_make(struct map *m)
{
	const struct options	*o = &m->ctl->opt;
	struct buf		 params = { 0 };
	struct span		 reply;
	int			 rc;

	if (!option_given(o, OPT_reduce) && !option_given(o, OPT_max_fails))
		return 0;
	if (option_given(o, OPT_group))
		return ctl_usage(m->ctl, "--group goes neither with --reduce nor with --max-fails");
	if ((rc = put_wish(m, &params)) == 0)
		rc = ctl_ask(m->ctl, "group.create", &params, CTL_ANSWER_MS, &reply);
	buf_free(&params);
	if (rc != 0)
		return rc;
	if ((m->group = json_text(reply, "group")) == NULL)
		return ctl_odd(m->ctl, "group.create");
	m->group_state = MAP_GROUP_OPEN;
	buf_puts(&m->fields, ",\"group\":");
	json_put_text(&m->fields, m->group);
	return 0;
}

/* ---- ending it ---- */

static void
ask(struct map *m, enum request_kind kind, const char *method)
{
	struct buf	params = { 0 };

	buf_puts(&params, "{\"group\":");
	json_put_text(&params, m->group);
	buf_putc(&params, '}');
	map_request(m, kind, NULL, NULL, method, &params);
	buf_free(&params);
}

bool
map_group_finish(struct map *m)
{
	if (m->group_state == MAP_GROUP_OPEN) {
		ask(m, REQUEST_CLOSE, "group.close");
		ask(m, REQUEST_GROUP, "group.wait");
		m->group_state = MAP_GROUP_WAITS;
	}
	return m->group_state != MAP_GROUP_WAITS;
}

void
map_group_cancel(struct map *m)
{
	ask(m, m->group_state == MAP_GROUP_OPEN ? REQUEST_GROUP : REQUEST_CLOSE, "group.cancel");
	m->group_state = MAP_GROUP_WAITS;
}

/* ---- its outcome ---- */

static void
print_reduced(struct map *m, struct span outcome)
{
	struct buf	line = { 0 };
	int64_t		id;

	if (m->out.format == FORMAT_ID) {
		if (json_int(outcome, "id", &id))
			buf_put_i64(&line, id);
	} else {
		buf_puts(&line, "{\"reduce\":");
		json_put_text(&line, m->reduce);
		buf_putc(&line, ',');
		buf_append(&line, outcome.p + 1, outcome.len - 1);
	}
	map_out_line(&m->out, m->items.next, buf_take_string(&line));
}

/* A long result is read as those of the members are. */
static bool
fetch(struct map *m, struct span outcome)
{
	struct outcome	o;
	bool		is_long = outcome_read(outcome, &o) && o.result_bytes >= 0 &&
			    m->out.format != FORMAT_ID;
	struct flight	*f;

	if (is_long) {
		f = mem_zalloc(1, sizeof(*f));
		f->index = m->items.next;
		f->job = o.id;
		f->reduces = true;
		m->inflight++;
		buf_puts(&f->text, "{\"reduce\":");
		json_put_text(&f->text, m->reduce);
		map_fetch(m, f);
	}
	outcome_free(&o);
	return is_long;
}

int
map_group_ended(struct map *m, const struct reply *reply)
{
	struct span	 outcome;
	char		*state, *reason;

	m->group_state = MAP_GROUP_NONE;
	if (reply->error.len > 0)
		return ctl_error(m->ctl, reply->error, "the group of these jobs");
	state = json_text(reply->result, "state");
	reason = json_text(reply->result, "reason");
	if (state == NULL || strcmp(state, "succeeded") != 0) {
		m->group_failed = true;
		ctl_say(m->ctl, "group %s: %s: %s", m->group, state != NULL ? state : "?",
		    reason != NULL ? reason : "no reason was given");
	}
	if (json_member(reply->result, "reduce", &outcome) && !fetch(m, outcome))
		print_reduced(m, outcome);
	free(state);
	free(reason);
	return 0;
}
