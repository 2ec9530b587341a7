/* route.c - the decision tree.  Runs in: broker, loop thread. */
#include "daemon/broker/route/route.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "workers/handler.h"

static const uint32_t	lane_bits[LANES] = {
	[LANE_INLINE] = JOBD_LANE_INLINE, [LANE_ASYNC] = JOBD_LANE_ASYNC,
	[LANE_THREAD] = JOBD_LANE_THREAD, [LANE_PROCESS] = JOBD_LANE_PROCESS,
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

/* Declared as safe, and with the implementation that the lane needs. */
static bool
safe(const struct type *t, enum lane lane)
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
		if (safe(t, (enum lane)lane)) {
			strncat(out, out[0] == '\0' ? "" : ", ", size - strlen(out) - 1);
			strncat(out, lane_names[lane], size - strlen(out) - 1);
		}
	return out;
}

/* ---- the questions, in the order of DESIGN section 6 ---- */

static int
take_asked(const struct type *t, int asked, size_t args_len, struct route *r, enum lane *out)
{
	char	words[48];

	if (!answer(r, "Is that lane in the type's safe set?", safe(t, (enum lane)asked),
	    "the type declares: %s", r == NULL ? "" : safe_words(t, words, sizeof(words))))
		return -EPERM;
	if (asked == LANE_INLINE && !answer(r, "Is the payload small?",
	    args_len <= ROUTE_INLINE_BYTES,
	    "%zu bytes; inline takes at most %d", args_len, ROUTE_INLINE_BYTES))
		return -E2BIG;
	*out = (enum lane)asked;
	return 0;
}

static bool
is_inline(const struct type *t, size_t args_len, struct route *r)
{
	bool	in_table = safe(t, LANE_INLINE);

	if (!in_table)
		return answer(r, "Is it in the inline table, with a small payload?", false,
		    "the type does not declare the inline lane");
	return answer(r, "Is it in the inline table, with a small payload?",
	    args_len <= ROUTE_INLINE_BYTES,
	    "declared by the type; %zu bytes, inline takes at most %d", args_len,
	    ROUTE_INLINE_BYTES);
}

static const char *
declared(const struct type *t, uint32_t trait)
{
	return (t->traits & trait) != 0 ? "declared by the type" : "the type does not declare it";
}

static bool
is_cpu_bound(const struct type *t, struct route *r)
{
	bool	yes = (t->traits & JOBD_CPU_BOUND) != 0;

	if (yes && !safe(t, LANE_PROCESS))
		return answer(r, "Is it CPU-bound?", false,
		    "declared by the type, which does not declare the process lane as safe");
	return answer(r, "Is it CPU-bound?", yes, "%s", declared(t, JOBD_CPU_BOUND));
}

static bool
waits_async(const struct type *t, struct route *r)
{
	static const char	question[] =
	    "Does it wait, and has it an asynchronous implementation?";

	if ((t->traits & JOBD_WAITS) == 0)
		return answer(r, question, false, "%s", declared(t, JOBD_WAITS));
	return answer(r, question, safe(t, LANE_ASYNC),
	    "it waits: declared by the type; asynchronous: %s",
	    safe(t, LANE_ASYNC) ? "declared by the type" : "the type does not declare it");
}

static bool
waits_blocking(const struct type *t, struct route *r)
{
	static const char	question[] = "Does it wait, blocking, and is it thread-safe?";
	bool			yes = safe(t, LANE_THREAD) && (t->traits & JOBD_THREAD_SAFE) != 0;

	if ((t->traits & JOBD_WAITS) == 0)
		return answer(r, question, false, "%s", declared(t, JOBD_WAITS));
	return answer(r, question, yes, "it waits: declared by the type; thread-safe: %s",
	    yes ? "declared by the type" : "the type does not declare it");
}

/* Nothing else fits: the lane that protects most, of those that are safe. */
static enum lane
take_rest(const struct type *t, struct route *r)
{
	static const enum lane	order[] = { LANE_PROCESS, LANE_THREAD, LANE_ASYNC, LANE_INLINE };
	char			words[48];

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!safe(t, order[i]))
			continue;
		answer(r, "Is the process lane safe?", order[i] == LANE_PROCESS,
		    "the type declares: %s", r == NULL ? "" : safe_words(t, words, sizeof(words)));
		return order[i];
	}
	return LANE_PROCESS;
}

static int
decide(const struct type *t, int asked, size_t args_len, struct route *r, enum lane *out)
{
	if (answer(r, "Was a lane asked for?", asked >= 0, "%s",
	    asked >= 0 ? lane_names[asked] : "the job names none"))
		return take_asked(t, asked, args_len, r, out);
	if (is_inline(t, args_len, r))
		*out = LANE_INLINE;
	else if (is_cpu_bound(t, r))
		*out = LANE_PROCESS;
	else if (waits_async(t, r))
		*out = LANE_ASYNC;
	else if (waits_blocking(t, r))
		*out = LANE_THREAD;
	else
		*out = take_rest(t, r);
	return 0;
}

int
route_choose(const struct type *type, int lane_asked, size_t args_len, struct route *out)
{
	out->asked = 0;
	return decide(type, lane_asked, args_len, out, &out->lane);
}

int
route_lane(const struct type *type, int lane_asked, size_t args_len, enum lane *out)
{
	return decide(type, lane_asked, args_len, NULL, out);
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
