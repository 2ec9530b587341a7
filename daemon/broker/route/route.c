/* route.c - the decision tree.  Runs in: broker, loop thread. */
#include "daemon/broker/route/route.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "workers/handler.h"

const char *const route_mode_names[ROUTE_MODES] = {
	[ROUTE_AUTO] = "auto", [ROUTE_ADVICE] = "advice", [ROUTE_PIN] = "pin",
};

static const uint32_t	lane_bits[LANES] = {
	[LANE_INLINE] = JOBD_LANE_INLINE, [LANE_ASYNC] = JOBD_LANE_ASYNC,
	[LANE_THREAD] = JOBD_LANE_THREAD, [LANE_PROCESS] = JOBD_LANE_PROCESS,
};

/* What a decision goes by. */
struct view {
	const struct type	*t;
	const struct profile	*p;	/* NULL: by the declaration alone */
	int			 pinned; /* enum lane, or -1 */
	const char		*by;
};

/* Keeps an answer, where answers are kept (r is NULL on the hot path); returns it. */
static bool __attribute__((format(printf, 4, 5)))
answer(struct route *r, const char *question, bool yes, const char *fmt, ...)
{
	struct route_answer	*a;
	va_list			 ap;

	if (r == NULL)
		return yes;
	a = &r->answers[r->asked++];
	a->question = question;
	a->yes = yes;
	va_start(ap, fmt);
	vsnprintf(a->evidence, sizeof(a->evidence), fmt, ap);
	va_end(ap);
	return yes;
}

bool
route_is_safe(const struct type *t, enum lane lane)
{
	if ((t->lanes & lane_bits[lane]) == 0)
		return false;
	return lane == LANE_INLINE || (lane == LANE_ASYNC ? t->has_start : t->has_run);
}

static const char *
safe_words(const struct type *t, char *out, size_t size)
{
	out[0] = '\0';
	for (int lane = 0; lane < LANES; lane++)
		if (route_is_safe(t, (enum lane)lane)) {
			strncat(out, out[0] == '\0' ? "" : ", ", size - strlen(out) - 1);
			strncat(out, lane_names[lane], size - strlen(out) - 1);
		}
	return out;
}

/* ---- what it does with its time ---- */

static enum profile_verdict
verdict(const struct view *v)
{
	return v->p == NULL ? PROFILE_UNKNOWN : (enum profile_verdict)v->p->verdict;
}

static bool
computes(const struct view *v)
{
	return verdict(v) == PROFILE_UNKNOWN ? (v->t->traits & JOBD_CPU_BOUND) != 0 :
	    verdict(v) == PROFILE_COMPUTES;
}

static bool
waits(const struct view *v)
{
	return verdict(v) == PROFILE_UNKNOWN ? (v->t->traits & JOBD_WAITS) != 0 :
	    verdict(v) == PROFILE_WAITS;
}

static const char *
declared_words(const struct type *t)
{
	static const char *const	words[] = { "neither", "computes", "waits",
					    "computes and waits" };

	return words[((t->traits & JOBD_CPU_BOUND) != 0) + 2 * ((t->traits & JOBD_WAITS) != 0)];
}

/*
 * "measured: 0.93 cpu over 214 samples (declared: waits)", or why the declaration stands.  trait:
 * the one that the question is about.
 */
static const char *
time_words(const struct view *v, uint32_t trait, char *out, size_t size)
{
	const struct profile	*p = v->p;
	const char		*queue = p != NULL && p->blind > 0 ?
				    ", run-queue wait not known" : "";
	int			 n = 0;

	if (verdict(v) != PROFILE_UNKNOWN) {
		snprintf(out, size, "measured: %.2f cpu over %llu samples%s (declared: %s)",
		    p->share.mean, (unsigned long long)p->share.samples, queue,
		    declared_words(v->t));
		return out;
	}
	n = snprintf(out, size, "%s", (v->t->traits & trait) != 0 ? "declared by the type" :
	    "the type does not declare it");
	if (p == NULL || p->share.samples == 0)
		return out;
	if (p->share.samples < PROFILE_SAMPLES)
		snprintf(out + n, size - (size_t)n, "; measured: %.2f cpu over %llu of %d samples",
		    p->share.mean, (unsigned long long)p->share.samples, PROFILE_SAMPLES);
	else
		snprintf(out + n, size - (size_t)n, "; measured: %.2f cpu over %llu samples%s, "
		    "between %.1f and %.1f", p->share.mean, (unsigned long long)p->share.samples,
		    queue, PROFILE_CPU_BELOW, PROFILE_CPU_ABOVE);
	return out;
}

/* ---- the questions, in the order of DESIGN section 6 ---- */

static int
take_asked(const struct view *v, int asked, size_t args_len, struct route *r, enum lane *out)
{
	char	words[48];

	if (!answer(r, "Is that lane in the type's safe set?",
	    route_is_safe(v->t, (enum lane)asked), "the type declares: %s",
	    r == NULL ? "" : safe_words(v->t, words, sizeof(words))))
		return -EPERM;
	if (asked == LANE_INLINE && !answer(r, "Is the payload small?",
	    args_len <= ROUTE_INLINE_BYTES,
	    "%zu bytes; inline takes at most %d", args_len, ROUTE_INLINE_BYTES))
		return -E2BIG;
	*out = (enum lane)asked;
	return 0;
}

/* Only of a pinned type: the operator's lane, if the job fits it. */
static bool
is_pinned(const struct view *v, size_t args_len, struct route *r)
{
	static const char	question[] = "Is the type pinned to a lane?";

	if (v->pinned == LANE_INLINE && args_len > ROUTE_INLINE_BYTES)
		return answer(r, question, false, "to inline, by %s; %zu bytes, inline takes at "
		    "most %d", v->by, args_len, ROUTE_INLINE_BYTES);
	return answer(r, question, true, "to %s, by %s", lane_names[v->pinned], v->by);
}

static bool
is_inline(const struct view *v, size_t args_len, struct route *r)
{
	static const char		 question[] =
	    "Is it in the inline table, with a small payload?";
	const struct profile_mean	*m = v->p == NULL ? NULL : &v->p->ran_ns[LANE_INLINE];
	bool				 slow = v->p != NULL && v->p->slow_inline;
	char				 measured[64] = "";

	if (!route_is_safe(v->t, LANE_INLINE))
		return answer(r, question, false, "the type does not declare the inline lane");
	if (r != NULL && m != NULL && m->samples >= PROFILE_SAMPLES)
		snprintf(measured, sizeof(measured), "; measured: %.1f us over %llu runs, limit %d",
		    m->mean / 1e3, (unsigned long long)m->samples, PROFILE_INLINE_NS / 1000);
	return answer(r, question, args_len <= ROUTE_INLINE_BYTES && !slow,
	    "declared by the type; %zu bytes, inline takes at most %d%s", args_len,
	    ROUTE_INLINE_BYTES, measured);
}

static bool
is_cpu_bound(const struct view *v, struct route *r)
{
	char	words[128];
	bool	yes = computes(v), unsafe = !route_is_safe(v->t, LANE_PROCESS);

	if (r == NULL)
		return yes && !unsafe;
	time_words(v, JOBD_CPU_BOUND, words, sizeof(words));
	if (yes && unsafe)
		return answer(r, "Is it CPU-bound?", false,
		    "%s; the process lane is not declared as safe", words);
	return answer(r, "Is it CPU-bound?", yes, "%s", words);
}

static bool
waits_async(const struct view *v, struct route *r)
{
	static const char	question[] =
	    "Does it wait, and has it an asynchronous implementation?";
	bool			has = route_is_safe(v->t, LANE_ASYNC);
	bool			blocks = v->p != NULL && v->p->blocks;
	char			words[128];

	if (r == NULL)
		return waits(v) && has && !blocks;
	time_words(v, JOBD_WAITS, words, sizeof(words));
	if (!waits(v))
		return answer(r, question, false, "%s", words);
	if (has && blocks)
		return answer(r, question, false, "it waits: %s; but it kept the event loop for up "
		    "to %u ms (%llu in all)", words, v->p->stall_ms,
		    (unsigned long long)v->p->stalls);
	return answer(r, question, has, "it waits: %s; asynchronous: %s", words,
	    has ? "declared by the type" : "the type does not declare it");
}

static bool
waits_blocking(const struct view *v, struct route *r)
{
	static const char	question[] = "Does it wait, blocking, and is it thread-safe?";
	bool			safe = route_is_safe(v->t, LANE_THREAD) &&
				    (v->t->traits & JOBD_THREAD_SAFE) != 0;
	char			words[128];

	if (r == NULL)
		return waits(v) && safe;
	time_words(v, JOBD_WAITS, words, sizeof(words));
	if (!waits(v))
		return answer(r, question, false, "%s", words);
	return answer(r, question, safe, "it waits: %s; thread-safe: %s", words,
	    safe ? "declared by the type" : "the type does not declare it");
}

/* Nothing else fits: the lane that protects most, of those that are safe. */
static enum lane
take_rest(const struct view *v, struct route *r)
{
	static const enum lane	order[] = { LANE_PROCESS, LANE_THREAD, LANE_ASYNC, LANE_INLINE };
	char			words[48];

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!route_is_safe(v->t, order[i]))
			continue;
		answer(r, "Is the process lane safe?", order[i] == LANE_PROCESS,
		    "the type declares: %s",
		    r == NULL ? "" : safe_words(v->t, words, sizeof(words)));
		return order[i];
	}
	return LANE_PROCESS;
}

static int
decide(const struct view *v, int asked, size_t args_len, struct route *r, enum lane *out)
{
	if (answer(r, "Was a lane asked for?", asked >= 0, "%s",
	    asked >= 0 ? lane_names[asked] : "the job names none"))
		return take_asked(v, asked, args_len, r, out);
	if (v->pinned >= 0 && is_pinned(v, args_len, r))
		*out = (enum lane)v->pinned;
	else if (is_inline(v, args_len, r))
		*out = LANE_INLINE;
	else if (is_cpu_bound(v, r))
		*out = LANE_PROCESS;
	else if (waits_async(v, r))
		*out = LANE_ASYNC;
	else if (waits_blocking(v, r))
		*out = LANE_THREAD;
	else
		*out = take_rest(v, r);
	return 0;
}

/* ---- by the type's mode ---- */

/* A pin to a lane that is not (or no longer) declared as safe does not count. */
static struct view
view_as(const struct type *t, enum route_mode mode)
{
	const struct type_route	*tr = t->route;
	struct view		 v = { .t = t, .pinned = -1 };

	if (tr == NULL)
		return v;
	if (mode == ROUTE_AUTO)
		v.p = &tr->profile;
	if (mode == ROUTE_PIN && tr->pinned >= 0 && route_is_safe(t, (enum lane)tr->pinned)) {
		v.pinned = tr->pinned;
		v.by = tr->by;
	}
	return v;
}

static struct view
view_of(const struct type *t)
{
	return view_as(t, t->route == NULL ? ROUTE_AUTO : (enum route_mode)t->route->mode);
}

int
route_choose(const struct type *type, int lane_asked, size_t args_len, struct route *out)
{
	struct view	v = view_of(type);

	out->asked = 0;
	return decide(&v, lane_asked, args_len, out, &out->lane);
}

int
route_lane(const struct type *type, int lane_asked, size_t args_len, enum lane *out)
{
	struct view	v = view_of(type);

	return decide(&v, lane_asked, args_len, NULL, out);
}

void
route_as(const struct type *type, enum route_mode mode, struct route *out)
{
	struct view	v = view_as(type, mode);

	out->asked = 0;
	decide(&v, -1, 0, out, &out->lane);
}

void
route_print(const struct route *r, struct buf *out)
{
	buf_printf(out, "{\"lane\":\"%s\",\"questions\":[", lane_names[r->lane]);
	for (unsigned i = 0; i < r->asked; i++) {
		const struct route_answer	*a = &r->answers[i];

		buf_puts(out, i == 0 ? "{\"question\":" : ",{\"question\":");
		buf_put_json(out, a->question, strlen(a->question));
		buf_puts(out, a->yes ? ",\"answer\":\"yes\",\"evidence\":" :
		    ",\"answer\":\"no\",\"evidence\":");
		buf_put_json(out, a->evidence, strlen(a->evidence));
		buf_putc(out, '}');
	}
	buf_puts(out, "]}");
}
