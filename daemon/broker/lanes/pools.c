/* pools.c - pools of language and remote workers.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/pools.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/catalog.h"
#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/lanes/ready.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "workers/handler_rules.h"

#define LEFT_OUT_MAX	64	/* names; more are left out without a word */

/* ---- what the files say ---- */

static const char *
text_of(const json_t *row, const char *name)
{
	const char	*text = json_string_value(json_object_get(row, name));

	return text == NULL ? "" : text;
}

static int64_t
number_of(const json_t *row, const char *name, int64_t usual)
{
	const json_t	*value = json_object_get(row, name);

	return json_is_integer(value) ? json_integer_value(value) : usual;
}

static void
free_types(struct language_pool *p)
{
	for (size_t i = 0; p->types != NULL && p->types[i] != NULL; i++)
		free(p->types[i]);
	free(p->types);
	p->types = NULL;
}

static void
read_types(struct language_pool *p, const json_t *list)
{
	size_t	count = json_array_size(list), len = 0;

	free_types(p);
	p->types = mem_zalloc(count + 1, sizeof(*p->types));
	for (size_t i = 0; i < count; i++) {
		const char	*name = json_string_value(json_array_get(list, i));

		if (name != NULL)
			p->types[len++] = mem_strdup(name);
	}
}

static void
set_text(char **to, const char *text)
{
	free(*to);
	*to = mem_strdup(text);
}

static void
read_row(struct language_pool *p, const json_t *row)
{
	set_text(&p->user, text_of(row, "user"));
	set_text(&p->file, text_of(row, "file"));
	p->changed = p->digest == NULL || strcmp(p->digest, text_of(row, "digest")) != 0;
	set_text(&p->digest, text_of(row, "digest"));
	read_types(p, json_object_get(row, "types"));
	p->listed = true;
	p->remote = json_is_true(json_object_get(row, "remote"));
	p->count = p->remote ? 0 : number_of(row, "count", 1);
	p->ready_ms = number_of(row, "ready_ms", 30000);
	p->recycle_jobs = p->remote ? 0 : number_of(row, "recycle_jobs", 0);
	p->recycle_age_ms = number_of(row, "recycle_age_ms", 0);
	p->recycle_rss = number_of(row, "recycle_rss", 0);
	p->max_running = number_of(row, "max_running", 0);
	p->grace_ms = number_of(row, "grace_ms", 0);
	p->output_bytes = number_of(row, "output_bytes", 0);
	free(p->defaults.queue);
	p->defaults = (struct type_defaults){ 0 };
	catalog_defaults(json_object_get(row, "defaults"), 0, &p->defaults);
	p->defaults.queue = p->defaults.queue == NULL ? NULL : mem_strdup(p->defaults.queue);
	core_pool_remote(p->lanes->broker->core, p->core_pool, p->remote);
}

/* ---- the list of them ---- */

struct language_pool *
pools_find(const struct lanes *l, const char *name)
{
	list_for(node, &l->pools) {
		struct language_pool	*p = list_entry(node, struct language_pool, link);

		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

struct language_pool *
pools_of_core(const struct lanes *l, uint32_t core_pool)
{
	list_for(node, &l->pools) {
		struct language_pool	*p = list_entry(node, struct language_pool, link);

		if (p->core_pool == core_pool)
			return p;
	}
	return NULL;
}

static struct language_pool *
pool_new(struct lanes *l, const char *name)
{
	struct language_pool	*p = mem_zalloc(1, sizeof(*p));
	char			*full = mem_printf("pool:%s", name);

	p->lanes = l;
	p->name = mem_strdup(name);
	p->core_pool = core_pool_get(l->broker->core, (struct span){ full, strlen(full) });
	free(full);
	list_push_back(&l->pools, &p->link);
	return p;
}

static void
pool_free(struct language_pool *p)
{
	list_remove(&p->link);
	free_types(p);
	free(p->defaults.queue);
	free(p->left_out);
	free(p->name);
	free(p->user);
	free(p->file);
	free(p->digest);
	free(p);
}

void
pools_close(struct lanes *l)
{
	while (!list_empty(&l->pools))
		pool_free(list_entry(l->pools.next, struct language_pool, link));
}

/* ---- as many workers as there shall be ---- */

static bool
is_place_of(const struct seat *seat, const struct language_pool *p)
{
	return seat != NULL && seat->language == p && seat->alone_for == 0 && !seat->leaving &&
	    seat->lane == CONTROL_LANE_LANGUAGE;
}

void
pools_fill(struct language_pool *p)
{
	struct lanes	*l = p->lanes;
	int64_t		 wanted = p->listed && !p->remote ? p->count : 0, have = 0;

	for (uint32_t i = 0; i < l->seats_len; i++) {
		if (!is_place_of(l->seats[i], p))
			continue;
		if (++have > wanted)
			seat_give_up(l->seats[i], "its pool has fewer places now");
	}
	for (; have < wanted; have++)
		seat_request(seat_new(l, CONTROL_LANE_LANGUAGE, p->name, 0));
}

/*
 * What a worker runs may have changed with its file, and only the supervisor knows: then each worker is
 * replaced when it has nothing left.  A place that waits to be filled is tried at once in any case.
 */
static void
replace_outdated(struct language_pool *p)
{
	struct lanes	*l = p->lanes;

	p->broken = false;
	p->failures = 0;
	for (uint32_t i = 0; i < l->seats_len; i++) {
		if (!is_place_of(l->seats[i], p))
			continue;
		if (p->changed)
			l->seats[i]->outdated = l->seats[i]->state != WORKER_GONE;
		seat_fill_now(l->seats[i]);
	}
}

/* ---- types ---- */

static uint64_t
hash_of(const char *text)
{
	uint64_t	h = UINT64_C(14695981039346656037);	/* FNV-1a; a collision only saves a log line */

	while (*text != '\0')
		h = (h ^ (unsigned char)*text++) * UINT64_C(1099511628211);
	return h;
}

static void
log_left_out(struct language_pool *p, const char *type)
{
	uint64_t	hash = hash_of(type);

	for (size_t i = 0; i < p->left_out_len; i++)
		if (p->left_out[i] == hash)
			return;
	if (p->left_out_len == LEFT_OUT_MAX)
		return;
	p->left_out = mem_resize(p->left_out, p->left_out_len + 1, sizeof(*p->left_out));
	p->left_out[p->left_out_len++] = hash;
	log_warn("type is left out, as the pool's file does not list it pool=%s type=%s file=%s", p->name,
	    type, p->file);
}

bool
pools_takes_type(struct language_pool *p, const char *type)
{
	for (size_t i = 0; p->types[i] != NULL; i++)
		if (strcmp(p->types[i], type) == 0)
			return true;
	log_left_out(p, type);
	return false;
}

/* How a handler of that lane is declared by our own workers. */
static void
set_lane(struct type *t, enum lane lane)
{
	t->lanes = UINT32_C(1) << lane;
	t->has_run = lane != LANE_ASYNC;
	t->has_start = lane == LANE_ASYNC;
	t->traits = lane == LANE_THREAD ? JOBD_WAITS | JOBD_THREAD_SAFE : lane == LANE_ASYNC ? JOBD_WAITS : 0;
}

static void
define(struct language_pool *p, const char *name, const char *summary, const char *args_schema,
    enum lane lane)
{
	struct core		*c = p->lanes->broker->core;
	const struct type	*known = core_type_find(c, name, strlen(name));
	uint32_t		 lanes_before = known == NULL ? 0 : known->lanes;
	struct type		*t, declared = {
		.name = (char *)(size_t)name, .summary = (char *)(size_t)summary,
		.args_schema = (char *)(size_t)args_schema, .file = p->file,
		.pool = p->core_pool, .role = ROLE_submitter, .grace_ms = p->grace_ms,
		.output_bytes = (uint64_t)p->output_bytes,
		.declared_running = (uint32_t)p->max_running, .defaults = p->defaults,
	};

	set_lane(&declared, lane);
	t = core_type_define(c, &declared);
	for (int from = LANE_ASYNC; from <= LANE_PROCESS; from++)
		if ((lanes_before & UINT32_C(1) << from) != 0 && from != (int)lane)
			core_type_move(c, t, (enum lane)from, lane);
}

/* Whose is the name?  NULL: nobody's, or this pool's. */
static const char *
taken_by(const struct language_pool *p, const char *name)
{
	const struct type	*known = core_type_find(p->lanes->broker->core, name, strlen(name));

	if (known == NULL || known->unserved || known->pool == p->core_pool)
		return NULL;
	return known->spec != NULL ? "a command has this name" :
	    known->pool == 0 || known->plugin != NULL ? "a handler of jobd or of a plugin has this name" :
	    "another pool has a type with this name";
}

int
pools_declare(struct language_pool *p, const struct ready_type *row, char *why, size_t size)
{
	const char	*taken = taken_by(p, row->name);

	if (taken != NULL) {
		snprintf(why, size, "type %.64s: %s", row->name, taken);
		return -1;
	}
	define(p, row->name, row->summary, row->args_schema, row->lane);
	return 0;
}

/* Until a worker says more of them; jobs may come before it is ready. */
static void
define_listed(struct language_pool *p)
{
	struct core	*c = p->lanes->broker->core;

	for (size_t i = 0; p->types[i] != NULL; i++) {
		const char		*name = p->types[i], *taken = taken_by(p, name);
		const struct type	*known = core_type_find(c, name, strlen(name));

		if (taken != NULL)
			log_error("type is left out pool=%s type=%s file=%s why=\"%s\"", p->name, name,
			    p->file, taken);
		else if (known == NULL || known->unserved)
			define(p, name, "", "true", LANE_PROCESS);
		else
			define(p, name, known->summary, known->args_schema,
			    (enum lane)__builtin_ctz(known->lanes));
	}
}

/* Types that the file does not list any more. */
static void
leave_out_others(struct language_pool *p)
{
	struct core	*c = p->lanes->broker->core;
	struct type	*t;

	for (size_t at = 0; (t = core_type_next(c, &at)) != NULL; ) {
		size_t	i = 0;

		if (t->pool != p->core_pool || t->unserved)
			continue;
		while (p->listed && p->types[i] != NULL && strcmp(p->types[i], t->name) != 0)
			i++;
		if (!p->listed || p->types[i] == NULL)
			core_type_gone(c, t);
	}
}

/* ---- the catalog ---- */

void
pools_catalog(struct lanes *l, const json_t *pools)
{
	size_t	 at;
	json_t	*row;

	list_for(node, &l->pools)
		list_entry(node, struct language_pool, link)->listed = false;
	json_array_foreach(pools, at, row) {
		struct language_pool	*p = pools_find(l, text_of(row, "name"));

		if (p == NULL)
			p = pool_new(l, text_of(row, "name"));
		read_row(p, row);
	}
	list_for(node, &l->pools) {
		struct language_pool	*p = list_entry(node, struct language_pool, link);

		leave_out_others(p);
		if (p->listed)
			define_listed(p);
		replace_outdated(p);
		pools_fill(p);
	}
}

bool
lanes_pool_types(const struct lanes *l, struct span name, struct buf *out)
{
	list_for(node, &l->pools) {
		const struct language_pool	*p = list_entry(node, struct language_pool, link);

		if (!p->listed || strlen(p->name) != name.len || memcmp(p->name, name.p, name.len) != 0)
			continue;
		for (size_t i = 0; p->types[i] != NULL; i++)
			buf_printf(out, "%s%s", i > 0 ? ", " : "", p->types[i]);
		return true;
	}
	return false;
}

/* ---- the circuit breaker ---- */

void
pools_failed(struct language_pool *p, const char *worker, const char *how, const char *last)
{
	p->failures++;
	snprintf(p->why, sizeof(p->why), "%s%s%.160s", how, last[0] == '\0' ? "" : ": ", last);
	if (p->failures < POOL_BREAKER_DEATHS || p->broken)
		return;
	p->broken = true;
	p->try_ns = p->lanes->broker->now.mono_ns + POOL_BROKEN_NS;
	log_error("pool is broken: its workers end before they are ready; its jobs wait, and one is tried now "
	    "and then pool=%s worker=%s file=%s why=\"%s\"", p->name, worker, p->file, p->why);
}

void
pools_ready(struct language_pool *p)
{
	struct lanes	*l = p->lanes;
	bool		 was_broken = p->broken;

	p->broken = false;
	p->failures = 0;
	p->why[0] = '\0';
	if (!was_broken)
		return;
	log_info("pool is whole again pool=%s", p->name);
	for (uint32_t i = 0; i < l->seats_len; i++)
		if (is_place_of(l->seats[i], p))
			seat_fill_now(l->seats[i]);
}

/* Broken: one worker tries, and the others wait for how that ends. */
bool
pools_may_start(struct language_pool *p, int64_t now_ns, int64_t *next_ns)
{
	*next_ns = p->try_ns;
	if (!p->broken)
		return true;
	if (now_ns < p->try_ns)
		return false;
	p->try_ns = *next_ns = now_ns + POOL_BROKEN_NS;
	return true;
}
