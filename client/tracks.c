/* tracks.c - slices of time on tracks, without overlaps.  Runs in: jobctl. */
#include "client/tracks.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

struct stretch {
	int64_t	from, to;
};

/*
 * Stretches are apart from each other, the latest first, and one that takes no time behind one that
 * begins with it: so what comes newest first goes to the end.
 */
struct row {
	struct stretch	*busy;
	size_t		 len, cap;
};

struct track_worker {
	char		*name;
	uint32_t	 number;
	struct row	*rows;
	uint32_t	 len;
};

/* ---- one track ---- */

/* The first stretch that begins before `to`; all others from there on are earlier. */
static size_t
find_before(const struct row *r, int64_t to)
{
	size_t	low = 0, high = r->len;

	if (r->len > 0 && r->busy[r->len - 1].from >= to)	/* the usual case */
		return r->len;
	while (low < high) {
		size_t	middle = low + (high - low) / 2;

		if (r->busy[middle].from < to)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
insert(struct row *r, size_t at, struct stretch s)
{
	if (r->len == r->cap) {
		r->cap = r->cap == 0 ? 4 : r->cap * 2;
		r->busy = mem_resize(r->busy, r->cap, sizeof(*r->busy));
	}
	memmove(&r->busy[at + 1], &r->busy[at], (r->len - at) * sizeof(*r->busy));
	r->busy[at] = s;
	r->len++;
}

/* False: something is there already. */
static bool
row_take(struct row *r, struct stretch s)
{
	size_t	at = find_before(r, s.to);

	if (at < r->len && r->busy[at].to > s.from)
		return false;
	insert(r, at, s);
	return true;
}

/* ---- workers ---- */

static struct track_worker *
worker_get(struct tracks *t, const char *name, bool *fresh)
{
	struct track_worker	*w = namemap_get(&t->by_name, name, strlen(name));

	if ((*fresh = w == NULL)) {
		w = mem_zalloc(1, sizeof(*w));
		w->name = mem_strdup(name);
		w->number = ++t->len;
		t->list = mem_resize(t->list, t->len, sizeof(struct track_worker *));
		t->list[t->len - 1] = w;
		namemap_put(&t->by_name, w->name, strlen(name), w);
	}
	return w;
}

struct track
tracks_place(struct tracks *t, const char *worker, int64_t from, int64_t to)
{
	struct track		 out = { 0 };
	struct track_worker	*w = worker_get(t, worker, &out.fresh_worker);
	struct stretch		 s = { from, to };
	uint32_t		 i = 0;

	while (i < w->len && !row_take(&w->rows[i], s))
		i++;
	if ((out.fresh = i == w->len)) {
		w->rows = mem_resize(w->rows, ++w->len, sizeof(*w->rows));
		w->rows[i] = (struct row){ 0 };
		row_take(&w->rows[i], s);
	}
	out.worker = w->number;
	out.number = i + 1;
	return out;
}

void
tracks_free(struct tracks *t)
{
	for (uint32_t i = 0; i < t->len; i++) {
		struct track_worker	*w = t->list[i];

		for (uint32_t k = 0; k < w->len; k++)
			free(w->rows[k].busy);
		free(w->rows);
		free(w->name);
		free(w);
	}
	free(t->list);
	namemap_free(&t->by_name);
	*t = (struct tracks){ 0 };
}
