/* saved.c - jobs written down and read again, as the broker does it.  Runs in: the simulation. */
#include "tests/sim/saved.h"

#include <stdlib.h>

#include "daemon/broker/store/record.h"
#include "lib/alloc.h"

struct saved {
	struct buf	spec, args, past, text, failure;
	uint8_t		state;			/* when it has ended */
	bool		blocks;
};

static struct span
span_of(const struct buf *b)
{
	return (struct span){ buf_data(b), buf_len(b) };
}

static void
replace(struct buf *b, const struct buf *by)
{
	buf_free(b);
	buf_append(b, buf_data(by), buf_len(by));
}

struct saved *
saved_submission(struct core_time now, const struct job *j, const struct jobspec *spec)
{
	struct saved	*s = mem_zalloc(1, sizeof(*s));

	record_print_spec(&s->spec, now, j, spec);
	buf_append(&s->args, spec->args.p, spec->args.len);
	return s;
}

static void
save_outcome(struct saved *s, const struct job *j)
{
	const struct outcome	*o = job_outcome(j);

	if (o->text != NULL)
		buf_append(&s->text, o->text, o->len);
	if (s->state == JOB_failed)
		record_print_failure(&s->failure, j);
}

struct saved *
saved_change(const struct core *c, struct core_time now, const struct job *j, enum record what)
{
	struct saved	*s = mem_zalloc(1, sizeof(*s));

	record_print_past(&s->past, c, now, j);
	if (what != RECORD_END)
		return s;
	s->state = job_run(j)->end_state;
	s->blocks = core_will_block(j);
	save_outcome(s, j);
	return s;
}

void
saved_free(struct saved *s)
{
	if (s == NULL)
		return;
	buf_free(&s->spec);
	buf_free(&s->args);
	buf_free(&s->past);
	buf_free(&s->text);
	buf_free(&s->failure);
	free(s);
}

void
saved_add(struct saved *s, const struct saved *change)
{
	replace(&s->past, &change->past);
	s->blocks = change->blocks;
	if (change->state == 0)
		return;
	s->state = change->state;
	replace(&s->text, &change->text);
	replace(&s->failure, &change->failure);
}

bool
saved_blocks(const struct saved *s)
{
	return s->blocks;
}

enum job_state
saved_end(const struct saved *s)
{
	return (enum job_state)s->state;
}

struct job *
saved_restore(const struct saved *from, uint64_t id, bool live, struct core *c,
    struct core_time now, struct submitter *by, bool in_process, enum job_reason why,
    const char **wrong)
{
	static char		 said[200];
	struct store_row	 row = { .id = id, .live = live, .spec = span_of(&from->spec),
	    .args = span_of(&from->args), .past = span_of(&from->past),
	    .end = { .state = from->state, .blocks = from->blocks,
	        .text = span_of(&from->text), .failure = span_of(&from->failure) } };
	struct job_record	 rec;
	struct job		*j = NULL;

	*wrong = said;
	if (record_read(&row, &rec, said, sizeof(said)) == 0) {
		rec.saved.type = core_type_get(c, rec.type, core_pool_get(c, rec.pool));
		rec.saved.by = by;
		rec.saved.group = rec.group == 0 ? NULL : core_group_numbered(c, rec.group);
		rec.saved.in_process |= in_process;
		rec.saved.why = why;
		j = core_restore(c, now, &rec.saved);
	}
	record_fini(&rec);
	return j;
}
