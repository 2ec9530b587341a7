/* outcomes_spool.c - outcomes of memory groups: in a file of the spool's.
 * Runs in: broker, loop thread. */
#include "daemon/broker/outcomes.h"

#include <event2/event.h>
#include <stdlib.h>

#include "daemon/broker/gather.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/store/spool.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define QUEUE_BYTES	((size_t)16 << 20)	/* that wait for the disk before members do */
#define KEPT_LINE	((size_t)64 << 10)

/* ---- outcomes ---- */

/* `{"index":7,"id":42,"state":"succeeded","result":...}` */
static void
print_line(struct buf *out, const struct job *j, uint64_t index)
{
	size_t	join;

	out->head = out->tail = 0;
	print_literal(out, "{\"index\":");
	buf_put_u64(out, index);
	join = buf_len(out);
	print_outcome(out, j, SIZE_MAX);
	buf_data(out)[join] = ',';	/* where the outcome's brace stands */
}

/* What runs goes on; nothing more is started whose outcome would have to wait in memory. */
static void
hold_back(struct broker *b)
{
	struct outcomes_open	*s = b->outcomes;

	if (s->held || !spool_full(s->spool))
		return;
	s->held = true;
	core_groups_hold(b->core, true);
	log_info("groups wait for the disk");
}

static void
add(struct broker *b, const struct membership *m, const struct job *j)
{
	struct outcomes_open	*s = b->outcomes;

	print_line(&s->line, j, m->index);
	spool_append(s->spool, m->group->number, m->index, buf_data(&s->line), buf_len(&s->line));
	hold_back(b);
	if (s->line.cap > KEPT_LINE)	/* one long line must not be kept for ever */
		buf_free(&s->line);
}

static void
read_some(struct broker *b, const struct group *g, uint64_t ticket, uint64_t from, uint64_t count,
    size_t bytes)
{
	spool_read(b->outcomes->spool, g->number, ticket, from, count, bytes);
}

static void
write_file(struct broker *b, const struct group *g)
{
	spool_reduce(b->outcomes->spool, g->number, g->count);
}

static void
forget(struct broker *b, const struct group *g)
{
	spool_forget(b->outcomes->spool, g->number);
}

const struct outcomes outcomes_spool = {
	.add = add, .read = read_some, .file = write_file, .forget = forget,
};

/* ---- news ---- */

static void
on_one(struct broker *b, struct spool_news *is)
{
	struct group	*g = is->kind == SPOOL_ROOM ? NULL : core_group_numbered(b->core, is->group);

	buf_putc(&is->text, '\0');
	if (is->kind == SPOOL_ROOM)
		core_groups_hold(b->core, b->outcomes->held = false);
	else if (is->kind == SPOOL_READ)
		gather_outcomes(b, g, is->ticket, &(struct outcomes_page){ .items = {
		    buf_data(&is->text), buf_len(&is->text) - 1 }, .next = is->next });
	else if (g != NULL && is->kind == SPOOL_FAILED)
		gather_lost(b, g, buf_data(&is->text));
	else if (g != NULL && is->kind == SPOOL_REDUCED)
		gather_file(b, g, buf_data(&is->text));
	buf_free(&is->text);
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct broker		*b = arg;
	struct spool_news	 is;

	(void)fd;
	(void)what;
	broker_clocks(b);
	while (spool_take(b->outcomes->spool, &is))
		on_one(b, &is);
}

/* ---- life ---- */

int
outcomes_open(struct broker *b, char *why, size_t size)
{
	struct outcomes_open	*s = mem_zalloc(1, sizeof(*s));
	char		*dir = mem_printf("%s/groups", b->state_dir);
	int		 rc = spool_open(dir, QUEUE_BYTES, &s->spool, why, size);

	free(dir);
	if (rc != 0) {
		free(s);
		return rc;
	}
	list_init(&s->asked);
	list_init(&s->again);
	list_init(&s->puts);
	s->event = event_new(b->base, spool_fd(s->spool), EV_READ | EV_PERSIST, on_news, b);
	event_add(s->event, NULL);
	b->outcomes = s;
	return 0;
}

void
outcomes_close(struct broker *b)
{
	struct outcomes_open	*s = b->outcomes;

	if (s == NULL)
		return;
	outcomes_store_close(b);
	event_free(s->event);
	spool_close(s->spool);
	buf_free(&s->line);
	free(s);
	b->outcomes = NULL;
}
