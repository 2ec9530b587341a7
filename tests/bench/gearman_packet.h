/* gearman_packet.h - gearmand's binary protocol, as little of it as the raw client and worker need. */
#ifndef BENCH_GEARMAN_PACKET_H
#define BENCH_GEARMAN_PACKET_H

#include "tests/bench/client.h"

#include <arpa/inet.h>

enum gearman_type {
	GEARMAN_CAN_DO = 1, GEARMAN_PRE_SLEEP = 4, GEARMAN_NOOP = 6, GEARMAN_SUBMIT_JOB = 7,
	GEARMAN_JOB_CREATED = 8, GEARMAN_GRAB_JOB = 9, GEARMAN_NO_JOB = 10, GEARMAN_JOB_ASSIGN = 11,
	GEARMAN_WORK_COMPLETE = 13, GEARMAN_SUBMIT_JOB_BG = 18,
};

#define GEARMAN_HEAD	12

struct gearman_packet {
	enum gearman_type	 type;
	size_t			 len;		/* of the whole packet */
	const char		*body;
	size_t			 body_len;
};

/* Returns its length. */
static inline size_t
gearman_print(char *out, enum gearman_type type, const void *body, size_t body_len)
{
	uint32_t	head[3] = { 0, htonl((uint32_t)type), htonl((uint32_t)body_len) };

	memcpy(out, head, sizeof(head));
	memcpy(out, "\0REQ", 4);
	if (body_len > 0)
		memcpy(out + GEARMAN_HEAD, body, body_len);
	return GEARMAN_HEAD + body_len;
}

/* 1: *out is the packet that in begins with; 0: it is not whole yet. */
static inline int
gearman_next(const char *in, size_t len, struct gearman_packet *out)
{
	uint32_t	head[3];

	if (len < GEARMAN_HEAD)
		return 0;
	memcpy(head, in, sizeof(head));
	if (memcmp(in, "\0RES", 4) != 0) {
		fprintf(stderr, "not a packet of gearmand\n");
		exit(1);
	}
	out->type = (enum gearman_type)ntohl(head[1]);
	out->body_len = ntohl(head[2]);
	out->len = GEARMAN_HEAD + out->body_len;
	out->body = in + GEARMAN_HEAD;
	return len >= out->len;
}

/* What the body of a SUBMIT_JOB of "echo" with PAYLOAD_BYTES is; its length. */
static inline size_t
gearman_print_submit(char *out, enum gearman_type type)
{
	char	body[6 + PAYLOAD_BYTES] = "echo\0";	/* function, unique, both with a NUL */

	memset(body + 6, 'x', PAYLOAD_BYTES);
	return gearman_print(out, type, body, sizeof(body));
}

#endif
