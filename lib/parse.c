/* parse.c - text to numbers, durations, sizes and addresses.  Runs in: every process. */
#include "lib/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

int
parse_i64(const char *text, size_t len, int64_t min, int64_t max, int64_t *out)
{
	bool		negative = len > 0 && text[0] == '-';
	size_t		i = negative ? 1 : 0;
	int64_t		v = 0;

	if (i == len)
		return -EINVAL;
	for (; i < len; i++) {
		int	digit = text[i] - '0';

		if (digit < 0 || digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, negative ? -digit : digit, &v))
			return -ERANGE;
	}
	if (v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

int
parse_milli(const char *text, size_t len, int64_t *out)
{
	const char	*dot = memchr(text, '.', len);
	size_t		 whole = dot == NULL ? len : (size_t)(dot - text);
	size_t		 decimals = dot == NULL ? 0 : len - whole - 1;
	int64_t		 v, part = 0;
	int		 rc;

	if (dot != NULL && (decimals == 0 || decimals > 3))
		return -EINVAL;
	if ((rc = parse_i64(text, whole, 0, INT64_MAX / 1000 - 1, &v)) != 0)
		return rc;
	if (dot != NULL && (rc = parse_i64(dot + 1, decimals, 0, 999, &part)) != 0)
		return rc;
	for (; dot != NULL && decimals < 3; decimals++)
		part *= 10;
	*out = v * 1000 + part;
	return 0;
}

struct unit {
	const char	*suffix;
	int64_t		 factor;
};

static int
parse_with_unit(const char *text, const struct unit *units, size_t n, int64_t *out)
{
	size_t	digits = strspn(text, "0123456789");
	int64_t	v;
	int	rc;

	if ((rc = parse_i64(text, digits, 0, INT64_MAX, &v)) != 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text + digits, units[i].suffix) != 0)
			continue;
		return __builtin_mul_overflow(v, units[i].factor, out) ? -ERANGE : 0;
	}
	if (v == 0 && text[digits] == '\0') {
		*out = 0;
		return 0;
	}
	return -EINVAL;
}

int
parse_duration_ms(const char *text, int64_t *out)
{
	static const struct unit	units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	int64_t	v;
	int	rc;

	if ((rc = parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), &v)) == 0)
		*out = v;
	return rc;
}

int
parse_size(const char *text, int64_t *out)
{
	static const struct unit	units[] = {
		{ "", 1 }, { "B", 1 },
		{ "K", 1 << 10 }, { "KiB", 1 << 10 }, { "KB", 1 << 10 },
		{ "M", 1 << 20 }, { "MiB", 1 << 20 }, { "MB", 1 << 20 },
		{ "G", 1 << 30 }, { "GiB", 1 << 30 }, { "GB", 1 << 30 },
	};
	int64_t	v;
	int	rc;

	if ((rc = parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), &v)) == 0)
		*out = v;
	return rc;
}

static int
split_host_port(const char *text, struct addr *a)
{
	const char	*colon = strrchr(text, ':');
	size_t		 len;
	int64_t		 port;
	int		 rc;

	if (colon == NULL || colon == text)
		return -EINVAL;
	if ((rc = parse_i64(colon + 1, strlen(colon + 1), 0, 65535, &port)) != 0)
		return rc;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (len < 3 || text[len - 1] != ']')
			return -EINVAL;
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		return -EINVAL;		/* an IPv6 address wants brackets */
	}
	if (len >= sizeof(a->host))
		return -ERANGE;
	memcpy(a->host, text, len);
	a->host[len] = '\0';
	a->port = (uint16_t)port;
	return 0;
}

int
parse_addr(const char *text, struct addr *out)
{
	struct addr	a = { 0 };
	size_t		len;
	int		rc;

	if (strncmp(text, "unix:", 5) == 0) {
		a.kind = ADDR_UNIX;
		len = strlen(text + 5);
		if (len == 0)
			return -EINVAL;
		if (len >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return -ERANGE;
		memcpy(a.host, text + 5, len + 1);
	} else if (strncmp(text, "tcp:", 4) == 0 || strncmp(text, "tls:", 4) == 0) {
		a.kind = text[1] == 'c' ? ADDR_TCP : ADDR_TLS;
		if ((rc = split_host_port(text + 4, &a)) != 0)
			return rc;
	} else {
		return -EINVAL;
	}
	*out = a;
	return 0;
}
