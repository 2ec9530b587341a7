/* retry_policy.c - when a job that failed is tried again, as its members say.  Runs in: broker. */
#include "proto/retry_policy.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/parse.h"
#include "proto/json_scan.h"
#include "proto/rpc_params.h"

#define FACTOR_DIGITS	3	/* behind the point: a factor is kept in thousandths */

const char *const retry_member_names[RETRY_MEMBERS] = {
	[RETRY_max_attempts] = "max_attempts",
	[RETRY_backoff_ms] = "backoff_ms",
	[RETRY_factor] = "factor",
	[RETRY_max_backoff_ms] = "max_backoff_ms",
};

static const struct {
	int64_t		 min, max;
} ranges[RETRY_MEMBERS] = {
	[RETRY_max_attempts] = { 1, BOUND_ATTEMPTS },
	[RETRY_backoff_ms] = { 0, BOUND_DURATION_MS },
	[RETRY_factor] = { 1, BOUND_RETRY_FACTOR },
	[RETRY_max_backoff_ms] = { 0, BOUND_DURATION_MS },
};

static void
put(struct retry_policy *p, int member, int64_t value)
{
	p->said |= (uint8_t)(1u << member);
	switch (member) {
	case RETRY_max_attempts:	p->max_attempts = (uint32_t)value; break;
	case RETRY_factor:		p->factor = (uint32_t)value; break;
	case RETRY_backoff_ms:		p->backoff_ms = value; break;
	default:			p->max_backoff_ms = value; break;
	}
}

void
retry_policy_set(struct retry_policy *p, enum retry_member member, int64_t value)
{
	if (value > 0)
		put(p, (int)member, member == RETRY_factor ? value * RETRY_FACTOR_UNIT : value);
}

struct retry_policy
retry_policy_merge(const struct retry_policy *over, const struct retry_policy *under)
{
	struct retry_policy	p = *under;

	if ((over->said & 1u << RETRY_max_attempts) != 0)
		put(&p, RETRY_max_attempts, over->max_attempts);
	if ((over->said & 1u << RETRY_backoff_ms) != 0)
		put(&p, RETRY_backoff_ms, over->backoff_ms);
	if ((over->said & 1u << RETRY_factor) != 0)
		put(&p, RETRY_factor, over->factor);
	if ((over->said & 1u << RETRY_max_backoff_ms) != 0)
		put(&p, RETRY_max_backoff_ms, over->max_backoff_ms);
	return p;
}

/* ---- the object of a job ---- */

/* `2`, `1.5`, `1.125` to thousandths: digits, then up to three behind a point. */
static bool
parse_factor(struct span text, int64_t *out)
{
	const char	*point = memchr(text.p, '.', text.len);
	size_t		 whole_len = point == NULL ? text.len : (size_t)(point - text.p);
	size_t		 digits = point == NULL ? 0 : text.len - whole_len - 1;
	int64_t		 whole, part = 0;

	if (digits > FACTOR_DIGITS || (point != NULL && digits == 0))
		return false;
	if (parse_i64(text.p, whole_len, 1, BOUND_RETRY_FACTOR, &whole) != 0)
		return false;
	if (digits > 0 && parse_i64(point + 1, digits, 0, RETRY_FACTOR_UNIT - 1, &part) != 0)
		return false;
	for (; digits > 0 && digits < FACTOR_DIGITS; digits++)
		part *= 10;
	*out = whole * RETRY_FACTOR_UNIT + part;
	return *out <= BOUND_RETRY_FACTOR * RETRY_FACTOR_UNIT;
}

static bool
read_number(int member, enum scan_type type, struct span raw, int64_t *out)
{
	if (type != SCAN_INTEGER && type != SCAN_REAL)
		return false;
	if (member == RETRY_factor)
		return parse_factor(raw, out);
	return type == SCAN_INTEGER &&
	    parse_i64(raw.p, raw.len, ranges[member].min, ranges[member].max, out) == 0;
}

static int
wrong_member(struct rpc_error *err, int member, enum scan_type type, struct span raw)
{
	char	name[32];
	int	len = snprintf(name, sizeof(name), "retry.%s", retry_member_names[member]);

	return rpc_fail_member(err, RPC_invalid_params, name, (size_t)len,
	    "%s must be %s from %" PRId64 " to %" PRId64 "%s, not %s", name,
	    member == RETRY_factor ? "a number" : "an integer", ranges[member].min,
	    ranges[member].max,
	    member == RETRY_factor ? " with up to three digits behind the point" : "",
	    rpc_excerpt(type, raw).text);
}

static int
find_member(struct span key)
{
	for (int i = 0; i < RETRY_MEMBERS; i++)
		if (strlen(retry_member_names[i]) == key.len &&
		    memcmp(retry_member_names[i], key.p, key.len) == 0)
			return i;
	return -1;
}

/* No name stands twice: that was seen to when the params were read. */
int
retry_policy_read(const struct rpc_value *v, struct retry_policy *out, struct rpc_error *err)
{
	struct scan	s;
	enum scan_type	type;
	struct span	key, raw;
	int64_t		value;
	int		member;

	*out = (struct retry_policy){ 0 };
	if (!v->given)
		return 0;
	scan_init(&s, v->p, v->len, BOUND_DEPTH, UINT32_MAX);
	scan_object(&s);
	while (scan_member(&s, &key)) {
		if ((member = find_member(key)) < 0)
			return rpc_fail_member(err, RPC_invalid_params, "retry", 5,
			    "retry has no member '%s'; it has max_attempts, backoff_ms, factor "
			    "and max_backoff_ms", rpc_excerpt(SCAN_STRING, key).text);
		if (!scan_value(&s, &type, &raw))
			break;
		if (!read_number(member, type, raw, &value))
			return wrong_member(err, member, type, raw);
		put(out, member, value);
	}
	return 0;
}
