/*
 * parse.h - text to numbers, durations, sizes and addresses; the whole text or nothing.
 *
 * All return 0, -EINVAL (not of the form) or -ERANGE (outside min..max), and write only on 0.
 */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

#include <stddef.h>
#include <stdint.h>

int parse_i64(const char *text, size_t len, int64_t min, int64_t max, int64_t *out);
/* A number from 0 with at most three decimals, `2` or `0.25`, in thousandths: 2000 or 250. */
int parse_milli(const char *text, size_t len, int64_t *out);
/* `250ms`, `10s`, `5m`, `2h`, `3d`; a bare number is milliseconds only when it is 0. */
int parse_duration_ms(const char *text, int64_t *out);
/* `4096`, `64K`, `16M`, `2G` (powers of 1024), with an optional `B` or `iB`. */
int parse_size(const char *text, int64_t *out);

enum addr_kind { ADDR_UNIX, ADDR_TCP, ADDR_TLS };

struct addr {
	enum addr_kind	 kind;
	char		 host[256];	/* the path of a unix socket, or a host; brackets of IPv6 taken off */
	uint16_t	 port;
};

/* `unix:PATH`, `tcp:HOST:PORT`, `tls:HOST:PORT`; a path is at most 107 bytes. */
int parse_addr(const char *text, struct addr *out);

#endif
