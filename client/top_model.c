/* top_model.c - what `jobctl top` knows, from the daemon's replies.  Runs in: jobctl. */
#include "client/top_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "lib/alloc.h"

#define NS_IN_S	1e9

const char *const top_states[TOP_STATES] = {
	"running", "ready", "scheduled", "failed", "succeeded", "cancelled", "expired",
};

static const size_t	row_sizes[TOP_PANELS] = {
	[TOP_LANES] = sizeof(struct top_lane), [TOP_QUEUES] = sizeof(struct top_queue),
	[TOP_WORKERS] = sizeof(struct top_worker), [TOP_JOBS] = sizeof(struct top_job),
};

void
top_init(struct top *t)
{
	memset(t, 0, sizeof(*t));
	for (int p = 0; p < TOP_PANELS; p++)
		t->lists[p].size = row_sizes[p];
	t->panel = TOP_QUEUES;
}

void
top_free(struct top *t)
{
	for (int p = 0; p < TOP_PANELS; p++)
		free(t->lists[p].rows);
	memset(t, 0, sizeof(*t));
}

/* ---- series and counters ---- */

void
top_series_add(struct top_series *s, double value)
{
	if (s->len == TOP_SAMPLES) {
		memmove(&s->values[0], &s->values[1], (TOP_SAMPLES - 1) * sizeof(s->values[0]));
		s->len--;
	}
	s->values[s->len++] = value;
}

size_t
top_series_levels(const struct top_series *s, size_t width, unsigned top, unsigned *levels)
{
	size_t	len = s->len < width ? s->len : width, from = s->len - len;
	double	most = 0;

	for (size_t i = from; i < s->len; i++)
		if (s->values[i] > most)
			most = s->values[i];
	for (size_t i = 0; i < len; i++) {
		double	v = s->values[from + i];

		/* what is not nothing is seen */
		levels[i] = v <= 0 ? 0 : 1 + (unsigned)(v / most * (top - 1));
		if (levels[i] > top)
			levels[i] = top;
	}
	return len;
}

/* seconds: since the last look; 0: there was none, or another daemon answers now. */
static void
count(struct top_counter *c, int64_t total, double seconds)
{
	c->rate = c->known && seconds > 0 && total >= c->total ? (double)(total - c->total) / seconds : 0;
	if (c->known && seconds > 0)
		top_series_add(&c->past, c->rate);
	c->total = total;
	c->known = true;
}

static double
seconds_since(int64_t *then_ns, int64_t now_ns)
{
	double	seconds = *then_ns == 0 ? 0 : (double)(now_ns - *then_ns) / NS_IN_S;

	*then_ns = now_ns;
	return seconds;
}

/* ---- members ---- */

static int64_t
number(struct span object, const char *name)
{
	int64_t	value = 0;

	json_int(object, name, &value);
	return value;
}

static void
text(struct span object, const char *name, char *out, size_t size)
{
	char	*value = json_text(object, name);

	snprintf(out, size, "%s", value == NULL ? "" : value);
	free(value);
}

/* ---- rows ---- */

static void *
row_at(const struct top_list *l, size_t i)
{
	return l->rows + i * l->size;
}

const void *
top_row(const struct top *t, enum top_panel p, size_t i)
{
	return row_at(&t->lists[p], i);
}

const void *
top_chosen(const struct top *t, enum top_panel p)
{
	const struct top_list	*l = &t->lists[p];

	return l->len == 0 ? NULL : row_at(l, l->chosen);
}

static void *
row_get(struct top_list *l, const char *name)
{
	struct top_row	*r;

	for (size_t i = 0; i < l->len; i++) {
		r = row_at(l, i);
		if (strcmp(r->name, name) == 0)
			return r;
	}
	if (l->len == l->cap) {
		l->cap = l->cap == 0 ? 16 : l->cap * 2;
		l->rows = mem_resize(l->rows, l->cap, l->size);
	}
	r = row_at(l, l->len++);
	memset(r, 0, l->size);
	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

static void
list_begin(struct top_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		((struct top_row *)row_at(l, i))->seen = false;
}

/* cpu-2 comes before cpu-10. */
static int
by_name(const void *a, const void *b)
{
	return strverscmp(((const struct top_row *)a)->name, ((const struct top_row *)b)->name);
}

/* Ids count up: the newest first. */
static int
by_id_down(const void *a, const void *b)
{
	uint64_t	x = ((const struct top_job *)a)->id, y = ((const struct top_job *)b)->id;

	return (x < y) - (x > y);
}

/* Whatever moved, what was chosen is still chosen; what is gone leaves its place to its neighbour. */
static void
choose_again(struct top_list *l)
{
	for (size_t i = 0; i < l->len && l->chosen_name[0] != '\0'; i++) {
		if (strcmp(((struct top_row *)row_at(l, i))->name, l->chosen_name) == 0) {
			l->chosen = i;
			return;
		}
	}
	if (l->chosen >= l->len)
		l->chosen = l->len == 0 ? 0 : l->len - 1;
	if (l->chosen_name[0] != '\0' && l->len > 0)
		snprintf(l->chosen_name, sizeof(l->chosen_name), "%s",
		    ((struct top_row *)row_at(l, l->chosen))->name);
}

static void
list_end(struct top_list *l, int (*order)(const void *a, const void *b))
{
	size_t	kept = 0;

	for (size_t i = 0; i < l->len; i++) {
		if (!((struct top_row *)row_at(l, i))->seen)
			continue;
		if (kept != i)
			memcpy(row_at(l, kept), row_at(l, i), l->size);
		kept++;
	}
	l->len = kept;
	if (kept > 0)
		qsort(l->rows, kept, l->size, order);
	choose_again(l);
}

/* The items of a list's reply, each as the row of its name. */
static void
take_items(struct top_list *l, struct span reply, const char *name,
    void (*take)(struct top_row *r, struct span item, double seconds), double seconds)
{
	struct json_walk w;
	struct span	 items;

	if (!json_member(reply, "items", &items))
		return;
	json_array(&w, items);
	while (json_element(&w)) {
		struct span	 value;
		char		*plain;

		if (!json_member(w.value, name, &value))
			continue;
		plain = json_plain(value);
		take(row_get(l, plain), w.value, seconds);
		free(plain);
	}
}

/* ---- stats ---- */

static void
take_jobs_now(struct top *t, struct span jobs)
{
	struct span	now;

	if (!json_member(jobs, "now", &now))
		return;
	for (int i = 0; i < TOP_STATES; i++)
		t->now[i] = number(now, top_states[i]);
}

static void
take_finished(struct top *t, struct span jobs, double seconds)
{
	struct span	finished;
	int64_t		ends = 0;

	if (!json_member(jobs, "finished", &finished))
		return;
	for (int i = 0; i < TOP_STATES; i++)
		ends += number(finished, top_states[i]);
	count(&t->ends, ends, seconds);
	count(&t->failures, number(finished, "failed"), seconds);
}

static void
take_lanes(struct top *t, struct span lanes, double seconds)
{
	struct top_list	*l = &t->lists[TOP_LANES];
	struct json_walk w;

	json_object(&w, lanes);
	while (json_next_member(&w)) {
		char		 name[TOP_NAME];
		int64_t		 started;
		struct top_lane	*lane;

		snprintf(name, sizeof(name), "%.*s", (int)w.key.len, w.key.p);
		if (!json_value_int(w.value, &started))
			continue;
		lane = row_get(l, name);
		count(&lane->starts, started, seconds);
	}
}

void
top_take_stats(struct top *t, struct span stats, int64_t now_ns)
{
	char		boot_id[TOP_NAME];
	struct span	jobs, lanes;
	double		seconds;

	text(stats, "boot_id", boot_id, sizeof(boot_id));
	if (strcmp(boot_id, t->boot_id) != 0)		/* another one: it counts from 0 */
		t->stats_ns = t->workers_ns = 0;
	seconds = seconds_since(&t->stats_ns, now_ns);
	t->up = true;
	snprintf(t->boot_id, sizeof(t->boot_id), "%s", boot_id);
	text(stats, "server", t->server, sizeof(t->server));
	t->draining = json_true(stats, "draining");
	t->uptime_ms = number(stats, "uptime_ms");
	t->rss_bytes = number(stats, "rss_bytes");
	t->connections = number(stats, "connections");
	count(&t->requests, number(stats, "requests"), seconds);
	if (json_member(stats, "jobs", &jobs)) {
		take_jobs_now(t, jobs);
		take_finished(t, jobs, seconds);
		count(&t->starts, number(jobs, "attempts"), seconds);
	}
	if (json_member(stats, "lanes", &lanes))
		take_lanes(t, lanes, seconds);
}

void
top_lost(struct top *t, const char *why)
{
	t->up = false;
	t->stats_ns = t->workers_ns = 0;
	t->starts.rate = t->ends.rate = t->failures.rate = t->requests.rate = 0;
	snprintf(t->why, sizeof(t->why), "%s", why);
}

/* ---- queues, workers, jobs ---- */

static void
take_queue(struct top_row *r, struct span item, double seconds)
{
	struct top_queue	*q = (struct top_queue *)(void *)r;

	(void)seconds;
	r->seen = true;
	q->paused = json_true(item, "paused");
	q->draining = json_true(item, "draining");
	q->scheduled = number(item, "scheduled");
	q->ready = number(item, "ready");
	q->running = number(item, "running");
	q->max_running = number(item, "max_running");
	top_series_add(&q->waiting, (double)(q->ready + q->scheduled));
}

void
top_take_queues(struct top *t, struct span reply)
{
	list_begin(&t->lists[TOP_QUEUES]);
	take_items(&t->lists[TOP_QUEUES], reply, "name", take_queue, 0);
	list_end(&t->lists[TOP_QUEUES], by_name);
}

static void
take_worker(struct top_row *r, struct span item, double seconds)
{
	struct top_worker	*w = (struct top_worker *)(void *)r;

	r->seen = true;
	text(item, "lane", w->lane, sizeof(w->lane));
	text(item, "state", w->state, sizeof(w->state));
	text(item, "type", w->type, sizeof(w->type));
	w->since_ms = number(item, "since_ms");
	w->job = number(item, "job");
	w->inflight = number(item, "inflight");
	w->rss_bytes = number(item, "rss_bytes");
	count(&w->done, number(item, "done"), seconds);
}

/* Does `async+thread` have thread? */
static bool
serves(const char *lanes, const char *lane)
{
	size_t	len = strlen(lane);

	for (const char *p = lanes; (p = strstr(p, lane)) != NULL; p += len)
		if ((p == lanes || p[-1] == '+') && (p[len] == '\0' || p[len] == '+'))
			return true;
	return false;
}

static void
count_workers(struct top *t)
{
	struct top_list		*lanes = &t->lists[TOP_LANES];
	const struct top_list	*workers = &t->lists[TOP_WORKERS];

	for (size_t i = 0; i < lanes->len; i++) {
		struct top_lane	*lane = row_at(lanes, i);

		lane->workers = lane->busy = 0;
		for (size_t k = 0; k < workers->len; k++) {
			const struct top_worker	*w = row_at(workers, k);

			if (!serves(w->lane, lane->row.name))
				continue;
			lane->workers++;
			lane->busy += w->inflight > 0;
		}
	}
}

void
top_take_workers(struct top *t, struct span reply, int64_t now_ns)
{
	double	seconds = seconds_since(&t->workers_ns, now_ns);

	list_begin(&t->lists[TOP_WORKERS]);
	take_items(&t->lists[TOP_WORKERS], reply, "name", take_worker, seconds);
	list_end(&t->lists[TOP_WORKERS], by_name);
	count_workers(t);
}

/* Its last attempt says where it runs, or ran. */
static void
take_attempt(struct top_job *j, struct span item)
{
	struct json_walk w;
	struct span	 attempts;

	j->worker[0] = '\0';
	if (!json_member(item, "attempts", &attempts))
		return;
	json_array(&w, attempts);
	while (json_element(&w)) {
		text(w.value, "worker", j->worker, sizeof(j->worker));
		if (strcmp(j->state, "running") == 0)
			j->since_ms = number(w.value, "started_ms");
	}
}

static void
take_job(struct top_row *r, struct span item, double seconds)
{
	struct top_job	*j = (struct top_job *)(void *)r;

	(void)seconds;
	r->seen = true;
	j->id = (uint64_t)number(item, "id");
	text(item, "state", j->state, sizeof(j->state));
	text(item, "type", j->type, sizeof(j->type));
	text(item, "queue", j->queue, sizeof(j->queue));
	j->since_ms = number(item, "changed_ms");
	j->attempts = number(item, "attempts_total");
	take_attempt(j, item);
}

/* A long backlog hides what runs from a list that begins with the newest: workers know theirs. */
static void
add_jobs_of_workers(struct top *t)
{
	const struct top_list	*workers = &t->lists[TOP_WORKERS];

	for (size_t i = 0; i < workers->len; i++) {
		const struct top_worker	*w = row_at(workers, i);
		char			 name[TOP_WORD];
		struct top_job		*j;

		if (w->job == 0)
			continue;
		snprintf(name, sizeof(name), "%lld", (long long)w->job);
		j = row_get(&t->lists[TOP_JOBS], name);
		if (j->row.seen)
			continue;
		j->row.seen = true;
		j->id = (uint64_t)w->job;
		snprintf(j->state, sizeof(j->state), "running");
		snprintf(j->type, sizeof(j->type), "%s", w->type);
		snprintf(j->worker, sizeof(j->worker), "%s", w->row.name);
		j->since_ms = w->since_ms;
	}
}

void
top_take_jobs(struct top *t, struct span reply, int state)
{
	if (state != t->shown)
		return;
	list_begin(&t->lists[TOP_JOBS]);
	take_items(&t->lists[TOP_JOBS], reply, "id", take_job, 0);
	if (state == 0)
		add_jobs_of_workers(t);
	list_end(&t->lists[TOP_JOBS], by_id_down);
}

/* ---- choosing ---- */

uint64_t
top_chosen_job(const struct top *t)
{
	const struct top_worker	*w = t->panel == TOP_WORKERS ? top_chosen(t, TOP_WORKERS) : NULL;
	const struct top_job	*j = t->panel == TOP_JOBS ? top_chosen(t, TOP_JOBS) : NULL;

	return j != NULL ? j->id : w != NULL ? (uint64_t)w->job : 0;
}

const char *
top_chosen_queue(const struct top *t)
{
	const struct top_queue	*q = t->panel == TOP_QUEUES ? top_chosen(t, TOP_QUEUES) : NULL;
	const struct top_job	*j = t->panel == TOP_JOBS ? top_chosen(t, TOP_JOBS) : NULL;

	return q != NULL ? q->row.name : j != NULL && j->queue[0] != '\0' ? j->queue : NULL;
}

void
top_move(struct top *t, long by)
{
	struct top_list	*l = &t->lists[t->panel];
	long		 to = (long)l->chosen + by, last = (long)l->len - 1;

	if (l->len == 0)
		return;
	l->chosen = (size_t)(to < 0 ? 0 : to > last ? last : to);
	snprintf(l->chosen_name, sizeof(l->chosen_name), "%s",
	    ((struct top_row *)row_at(l, l->chosen))->name);
}

void
top_next_panel(struct top *t, int by)
{
	t->panel = (enum top_panel)(((int)t->panel + by + TOP_PANELS) % TOP_PANELS);
}

void
top_next_state(struct top *t)
{
	struct top_list	*l = &t->lists[TOP_JOBS];

	t->shown = (t->shown + 1) % TOP_STATES;
	l->len = l->chosen = 0;
	l->chosen_name[0] = '\0';
}

/* ---- layout ---- */

#define LEAST	2	/* rows of a panel: its title and one of its own */

static unsigned
wanted(const struct top *t, int panel)
{
	return 1 + (t->lists[panel].len == 0 ? 1 : (unsigned)t->lists[panel].len);
}

struct top_layout
top_lay_out(const struct top *t, unsigned rows)
{
	struct top_layout	layout = { 0 };
	int			first = (int)t->panel;
	bool			grown = true;

	/* a title and a row for each, as long as there are any; the one that has the keys is first */
	for (int i = 0; i < TOP_PANELS && rows >= LEAST; i++) {
		int	panel = i == 0 ? first : i <= first ? i - 1 : i;

		layout.height[panel] = LEAST;
		rows -= LEAST;
	}
	while (rows > 0 && grown) {		/* the rest row by row to those who have more to show */
		grown = false;
		for (int panel = 0; panel < TOP_PANELS && rows > 0; panel++) {
			if (layout.height[panel] == 0 || layout.height[panel] >= wanted(t, panel))
				continue;
			layout.height[panel]++;
			rows--;
			grown = true;
		}
	}
	return layout;
}
