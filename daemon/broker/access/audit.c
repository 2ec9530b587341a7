/* audit.c - lines of the audit log.  Runs in: broker, loop thread. */
#include "daemon/broker/access/audit.h"

#include <string.h>

#include "lib/clock.h"

#define GATHER_MS	100
#define GATHER_BYTES	(64 << 10)

static void
put_name(struct audit *a, const char *member)
{
	buf_append(&a->lines, ",\"", 2);
	buf_puts(&a->lines, member);
	buf_append(&a->lines, "\":", 2);
}

void
audit_text(struct audit *a, const char *member, const char *text, size_t len)
{
	put_name(a, member);
	buf_put_json(&a->lines, text, len);
}

void
audit_number(struct audit *a, const char *member, int64_t value)
{
	put_name(a, member);
	buf_put_i64(&a->lines, value);
}

void
audit_begin(struct audit *a, int64_t now_ms, const struct audit_who *who, const char *method)
{
	buf_puts(&a->lines, "{\"at_ms\":");
	buf_put_i64(&a->lines, now_ms);
	audit_text(a, "principal", who->principal, strlen(who->principal));
	audit_text(a, "from", who->addr, strlen(who->addr));
	if (who->client != NULL)
		audit_text(a, "client", who->client, strlen(who->client));
	audit_text(a, "method", method, strlen(method));
}

void
audit_end(struct audit *a, int64_t now_ns, const char *outcome)
{
	audit_text(a, "outcome", outcome, strlen(outcome));
	buf_append(&a->lines, "}\n", 2);
	a->gathered++;
	if (a->since_ns == 0)
		a->since_ns = now_ns;
	a->urgent |= strcmp(outcome, "ok") != 0 && strcmp(outcome, "taken") != 0;
}

bool
audit_stranger(struct audit *a, int64_t now_ns)
{
	if (now_ns - a->strangers_ns >= NS_PER_S) {
		a->strangers_ns = now_ns;
		a->strangers = 0;
	}
	return a->strangers++ < AUDIT_STRANGERS;
}

/* That lines are missing is a line, too. */
static void
tell_lost(struct audit *a, int64_t now_ms, int64_t now_ns)
{
	static const struct audit_who	us = { .principal = "jobd", .addr = "" };

	audit_begin(a, now_ms, &us, "audit");
	audit_number(a, "lines", (int64_t)a->lost);
	audit_end(a, now_ns, "lost");
}

int64_t
audit_publish(struct audit *a, int64_t now_ms, int64_t now_ns, bool all)
{
	int64_t		due_ns = a->since_ns + GATHER_MS * NS_PER_MS;
	uint64_t	gathered;

	if (a->since_ns == 0)
		return INT64_MAX;
	if (!all && !a->urgent && now_ns < due_ns && buf_len(&a->lines) < GATHER_BYTES)
		return due_ns;
	gathered = a->gathered;
	if (a->lost > 0)
		tell_lost(a, now_ms, now_ns);
	if (scribe_append(a->scribe, &a->lines))
		a->lost = 0;
	else
		a->lost += gathered;
	buf_free(&a->lines);
	a->since_ns = 0;
	a->gathered = 0;
	a->urgent = false;
	return INT64_MAX;
}
