/* unique_print.c - a submission shortened, to compare it with another.  Runs in: broker, loop thread.
 *
 * Each member that does not say what is usual goes into the hash: its number here, its length, its
 * value.  So a member that a later version adds changes nothing for those that do not say it; rows
 * keep their numbers for ever.
 */
#include "daemon/broker/unique_print.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>

#include "lib/log.h"
#include "proto/bounds.h"

enum value { TEXT, JSON, INTEGER, LONG_INTEGER, FLAG, RETRY, IDS };

static const struct row {
	const char	*name;
	enum value	 is;
	size_t		 at;		/* in struct jobspec */
	const char	*usual;		/* as it is printed here; NULL: nothing, or 0 */
} rows[] = {
	{ "type", TEXT, offsetof(struct jobspec, type), NULL },
	{ "args", JSON, offsetof(struct jobspec, args), "null" },
	{ "queue", TEXT, offsetof(struct jobspec, queue), "default" },
	{ "priority", INTEGER, offsetof(struct jobspec, priority), NULL },
	{ "delay_ms", LONG_INTEGER, offsetof(struct jobspec, delay_ms), NULL },
	{ "run_at_ms", LONG_INTEGER, offsetof(struct jobspec, run_at_ms), NULL },
	{ "timeout_ms", LONG_INTEGER, offsetof(struct jobspec, timeout_ms), NULL },
	{ "ttl_ms", LONG_INTEGER, offsetof(struct jobspec, ttl_ms), NULL },
	{ "on_lost", INTEGER, offsetof(struct jobspec, on_lost), NULL },
	{ "retry", RETRY, offsetof(struct jobspec, retry), NULL },
	{ "order_key", TEXT, offsetof(struct jobspec, order_key), NULL },
	{ "limit_key", TEXT, offsetof(struct jobspec, limit_key), NULL },
	{ "tenant", TEXT, offsetof(struct jobspec, tenant), NULL },
	{ "on_order_failure", INTEGER, offsetof(struct jobspec, on_order_failure), NULL },
	{ "after", IDS, offsetof(struct jobspec, after), NULL },
	{ "on_parent_failure", INTEGER, offsetof(struct jobspec, on_parent_failure), NULL },
	{ "hold", FLAG, offsetof(struct jobspec, hold), NULL },
	{ "lane", INTEGER, offsetof(struct jobspec, lane), "-1" },
	{ "labels", JSON, offsetof(struct jobspec, labels), NULL },
	{ "group", TEXT, offsetof(struct jobspec, group), NULL },
	{ "unique_ms", LONG_INTEGER, offsetof(struct jobspec, unique_ms), NULL },
	{ "keep_ms", LONG_INTEGER, offsetof(struct jobspec, keep_ms), NULL },
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))
_Static_assert(ROWS <= UNIQUE_MEMBERS, "each member has its bits");

/* ---- values ---- */

/* Without the white space between tokens. */
static void
put_json(struct buf *out, struct span text)
{
	bool	in_string = false;

	for (size_t i = 0; i < text.len; i++) {
		char	ch = text.p[i];

		if (in_string && ch == '\\') {
			buf_putc(out, ch);
			ch = text.p[++i];
		} else if (ch == '"') {
			in_string = !in_string;
		} else if (!in_string && (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r')) {
			continue;
		}
		buf_putc(out, ch);
	}
}

static void
put_integer(struct buf *out, int64_t n)
{
	if (n != 0)
		buf_put_i64(out, n);
}

static void
put_retry(struct buf *out, const struct retry_policy *p)
{
	const int64_t	values[RETRY_MEMBERS] = {
		[RETRY_max_attempts] = p->max_attempts, [RETRY_backoff_ms] = p->backoff_ms,
		[RETRY_factor] = p->factor, [RETRY_max_backoff_ms] = p->max_backoff_ms,
	};

	for (int i = 0; i < RETRY_MEMBERS; i++)
		if ((p->said & (1u << i)) != 0)
			buf_printf(out, "%s=%lld;", retry_member_names[i], (long long)values[i]);
}

static void
put_ids(struct buf *out, const struct jobspec *spec)
{
	for (uint32_t i = 0; i < spec->after_len; i++) {
		buf_put_u64(out, spec->after[i]);
		buf_putc(out, ';');
	}
}

static void
put_value(struct buf *out, const struct row *row, const struct jobspec *spec)
{
	const void		*at = (const char *)spec + row->at;
	const struct span	*text = at;

	switch (row->is) {
	case TEXT:	   buf_append(out, text->p, text->len); break;
	case JSON:	   put_json(out, *text); break;
	case INTEGER:	   put_integer(out, *(const int *)at); break;
	case LONG_INTEGER: put_integer(out, *(const int64_t *)at); break;
	case FLAG:	   put_integer(out, *(const bool *)at); break;
	case RETRY:	   put_retry(out, at); break;
	case IDS:	   put_ids(out, spec); break;
	}
}

/* ---- prints ---- */

/* FNV-1a, folded: only to say which member is not the same. */
static uint8_t
few_bits(const char *p, size_t len)
{
	uint32_t	h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)p[i]) * 16777619u;
	h ^= h >> 16;
	return (uint8_t)(h ^ (h >> 8));
}

static bool
is_usual(const struct row *row, const char *p, size_t len)
{
	const char	*usual = row->usual == NULL ? "" : row->usual;

	return strlen(usual) == len && memcmp(usual, p, len) == 0;
}

static void
add_value(struct buf *all, size_t number, const struct buf *value)
{
	buf_put_u64(all, number);
	buf_putc(all, ':');
	buf_put_u64(all, buf_len(value));
	buf_putc(all, ':');
	buf_append(all, buf_data(value), buf_len(value));
}

void
unique_print_make(const struct jobspec *spec, struct unique_print *out)
{
	struct buf	all = { 0 }, value = { 0 };
	unsigned char	hash[EVP_MAX_MD_SIZE];

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < ROWS; i++) {
		buf_consume(&value, buf_len(&value));
		put_value(&value, &rows[i], spec);
		if (is_usual(&rows[i], buf_data(&value), buf_len(&value)))
			continue;
		add_value(&all, i, &value);
		out->members[i] = few_bits(buf_data(&value), buf_len(&value));
	}
	if (EVP_Digest(buf_data(&all), buf_len(&all), hash, NULL, EVP_sha256(), NULL) != 1)
		log_fatal("libcrypto has no SHA-256");
	memcpy(out->hash, hash, sizeof(out->hash));
	buf_free(&all);
	buf_free(&value);
}

const char *
unique_print_differs(const struct unique_print *a, const struct unique_print *b)
{
	if (memcmp(a->hash, b->hash, sizeof(a->hash)) == 0)
		return NULL;
	for (size_t i = 0; i < ROWS; i++)
		if (a->members[i] != b->members[i])
			return rows[i].name;
	return "";
}
