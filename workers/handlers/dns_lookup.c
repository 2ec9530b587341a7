/*
 * dns_lookup.c - the addresses of a name, as the system's resolver has them.
 * Runs in: the io worker, loop thread; the resolver in threads of its pool.
 */
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "workers/handlers/args.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/handlers.h"

struct lookup {
	uv_getaddrinfo_t	 request;
	struct jobd_attempt	*at;		/* NULL: nobody waits for it any more */
	int64_t			 since_ns;
};

/* A name may stand in /etc/hosts for one address more than once. */
static bool
came_before(const struct addrinfo *list, const struct addrinfo *a)
{
	const struct addrinfo	*b = list;

	while (b != a && (b->ai_addrlen != a->ai_addrlen ||
	    memcmp(b->ai_addr, a->ai_addr, a->ai_addrlen) != 0))
		b = b->ai_next;
	return b != a;
}

static void
print_addresses(struct buf *out, const struct addrinfo *list)
{
	char		 text[INET6_ADDRSTRLEN];
	const char	*comma = "";

	buf_puts(out, "\"addresses\":[");
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		if (came_before(list, a) || uv_ip_name(a->ai_addr, text, sizeof(text)) != 0)
			continue;
		buf_printf(out, "%s{\"address\":\"%s\",\"family\":\"%s\"}", comma, text,
		    a->ai_family == AF_INET6 ? "ipv6" : "ipv4");
		comma = ",";
	}
	buf_putc(out, ']');
}

static void
answer(const struct lookup *l, const struct addrinfo *list)
{
	struct buf	 out = { 0 };
	const char	*name = args_text(l->at, "name");

	buf_puts(&out, "{\"name\":");
	buf_put_json(&out, name, strlen(name));
	if (list->ai_canonname != NULL) {
		buf_puts(&out, ",\"canonical\":");
		bytes_print_lossy(&out, list->ai_canonname, strlen(list->ai_canonname));
	}
	buf_putc(&out, ',');
	print_addresses(&out, list);
	buf_printf(&out, ",\"time_ms\":%.3f}",
	    (double)(clock_mono_ns() - l->since_ns) / NS_PER_MS);
	jobd_succeed(l->at, buf_data(&out), buf_len(&out));
	buf_free(&out);
}

static void
looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct lookup	*l = request->data;

	if (l->at != NULL && status == 0)
		answer(l, list);
	else if (l->at != NULL)
		jobd_failf(l->at, "cannot look up %.255s: %s", args_text(l->at, "name"),
		    uv_strerror(status));
	uv_freeaddrinfo(list);
	free(l);
}

static int
family_of(const char *name)
{
	return strcmp(name, "ipv4") == 0 ? AF_INET : strcmp(name, "ipv6") == 0 ? AF_INET6 :
	    AF_UNSPEC;
}

static void
dns_lookup_start(struct jobd_attempt *at)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME };
	struct lookup	*l = mem_alloc(sizeof(*l));
	int		 rc;

	hints.ai_family = family_of(args_text(at, "family"));
	l->at = at;
	l->since_ns = clock_mono_ns();
	l->request.data = l;
	rc = uv_getaddrinfo(jobd_loop(at), &l->request, looked_up, args_text(at, "name"), NULL,
	    &hints);
	if (rc == 0) {
		jobd_set_data(at, l);
		return;
	}
	jobd_failf(at, "cannot look up %.255s: %s", args_text(at, "name"), uv_strerror(rc));
	free(l);
}

/* What a thread has begun goes on there, and nobody waits for it. */
static void
dns_lookup_cancel(struct jobd_attempt *at)
{
	struct lookup	*l = jobd_data(at);

	l->at = NULL;
	jobd_cancelled(at);
	uv_cancel((uv_req_t *)&l->request);
}

const struct jobd_handler handler_dns_lookup = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "dns.lookup",
	.summary = "the addresses of a name, as the system's resolver has them",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"name": {"type": "string", "minLength": 1, "maxLength": 255},
			"family": {"enum": ["any", "ipv4", "ipv6"], "default": "any"}
		},
		"required": ["name"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = dns_lookup_start,
	.cancel = dns_lookup_cancel,
};
