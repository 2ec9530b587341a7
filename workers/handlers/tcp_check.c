/*
 * tcp_check.c - does a TCP service answer: connects, sends, and waits for what is expected.
 * Runs in: the io worker, loop thread; the resolver in threads of its pool.
 *
 * The struct lives until all of libuv's handles and requests have let go of it (holds); the
 * attempt may have ended long before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "workers/handlers/args.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/handlers.h"

#define READ_BYTES	4096
#define ANSWER_BYTES	65536		/* looked through for what is expected */

struct check {
	struct jobd_attempt	*at;		/* NULL: it has ended */
	unsigned		 holds;
	uv_loop_t		*loop;
	uv_timer_t		 timer;
	uv_getaddrinfo_t	 resolve;
	struct addrinfo		*list, *next;	/* addresses; the one to try next */
	uv_tcp_t		*tcp;		/* NULL: none is open */
	uv_connect_t		 connect;
	uv_write_t		 write;
	struct buf		 sent, answer;
	char			 address[INET6_ADDRSTRLEN];
	char			 read_bytes[READ_BYTES];
	int64_t			 since_ns, connect_ns, connected_ns;
};

static void connect_next(struct check *c, int why);

/* ---- ends ---- */

static void
let_go(struct check *c)
{
	if (--c->holds > 0)
		return;
	uv_freeaddrinfo(c->list);
	buf_free(&c->sent);
	buf_free(&c->answer);
	free(c);
}

static void
timer_closed(uv_handle_t *timer)
{
	let_go(timer->data);
}

static void
tcp_closed(uv_handle_t *tcp)
{
	struct check	*c = tcp->data;

	free(tcp);
	let_go(c);
}

static void
close_tcp(struct check *c)
{
	if (c->tcp != NULL)
		uv_close((uv_handle_t *)c->tcp, tcp_closed);
	c->tcp = NULL;
}

/* The attempt has been answered: nothing here needs it any more. */
static void
over(struct check *c)
{
	c->at = NULL;
	close_tcp(c);
	uv_cancel((uv_req_t *)&c->resolve);
	uv_close((uv_handle_t *)&c->timer, timer_closed);
}

static double
ms_between(int64_t from_ns, int64_t to_ns)
{
	return (double)(to_ns - from_ns) / NS_PER_MS;
}

static void
succeed(struct check *c)
{
	struct buf	out = { 0 };

	buf_printf(&out, "{\"address\":\"%s\",\"port\":%lld,\"connect_ms\":%.3f,", c->address,
	    (long long)args_int(c->at, "port"), ms_between(c->connect_ns, c->connected_ns));
	if (args_get(c->at, "expect") != NULL) {
		bytes_print(&out, "answer", BYTES_AUTO, buf_data(&c->answer), buf_len(&c->answer));
		buf_putc(&out, ',');
	}
	buf_printf(&out, "\"time_ms\":%.3f}", ms_between(c->since_ns, clock_mono_ns()));
	jobd_succeed(c->at, buf_data(&out), buf_len(&out));
	buf_free(&out);
	over(c);
}

static void
fail(struct check *c, const char *doing, const char *why)
{
	jobd_failf(c->at, "%s %.255s port %lld: %s", doing, args_text(c->at, "host"),
	    (long long)args_int(c->at, "port"), why);
	over(c);
}

static void
time_over(uv_timer_t *timer)
{
	struct check	*c = timer->data;
	char		 why[96];

	snprintf(why, sizeof(why), "not done after %lld ms", (long long)args_int(c->at, "timeout_ms"));
	fail(c, c->connected_ns == 0 ? "cannot connect to" : "connected to", why);
}

/* ---- sending and expecting ---- */

static bool
found(const struct check *c)
{
	const char	*expect = args_text(c->at, "expect");

	return buf_len(&c->answer) > 0 &&
	    memmem(buf_data(&c->answer), buf_len(&c->answer), expect, strlen(expect)) != NULL;
}

static void
give_room(uv_handle_t *tcp, size_t wanted, uv_buf_t *room)
{
	struct check	*c = tcp->data;

	(void)wanted;
	*room = uv_buf_init(c->read_bytes, sizeof(c->read_bytes));
}

static void
received(uv_stream_t *tcp, ssize_t got, const uv_buf_t *room)
{
	struct check	*c = tcp->data;

	if (c->at == NULL || got == 0)
		return;
	if (got < 0) {
		fail(c, "connected to", got == UV_EOF ?
		    "it closed the connection without what args.expect says" :
		    uv_strerror((int)got));
		return;
	}
	buf_append(&c->answer, room->base, (size_t)got);
	if (found(c))
		succeed(c);
	else if (buf_len(&c->answer) > ANSWER_BYTES)
		fail(c, "connected to", "what args.expect says is not in the first 64 KiB");
}

static void
expect(struct check *c)
{
	if (args_get(c->at, "expect") == NULL)
		succeed(c);
	else
		uv_read_start((uv_stream_t *)c->tcp, give_room, received);
}

static void
written(uv_write_t *write, int status)
{
	struct check	*c = write->data;

	if (c->at != NULL && status != 0)
		fail(c, "cannot send to", uv_strerror(status));
	else if (c->at != NULL)
		expect(c);
}

static void
connected(uv_connect_t *connect, int status)
{
	struct check	*c = connect->data;
	uv_buf_t	 bytes;

	if (c->at == NULL || status == UV_ECANCELED)
		return;
	if (status != 0) {
		connect_next(c, status);
		return;
	}
	c->connected_ns = clock_mono_ns();
	if (buf_len(&c->sent) == 0) {
		expect(c);
		return;
	}
	bytes = uv_buf_init(buf_data(&c->sent), (unsigned)buf_len(&c->sent));
	c->write.data = c;
	uv_write(&c->write, (uv_stream_t *)c->tcp, &bytes, 1, written);
}

/* ---- addresses ---- */

static int
connect_to(struct check *c, const struct addrinfo *a)
{
	c->tcp = mem_alloc(sizeof(*c->tcp));
	uv_tcp_init(c->loop, c->tcp);
	c->tcp->data = c;
	c->holds++;
	c->connect.data = c;
	c->connect_ns = clock_mono_ns();
	uv_ip_name(a->ai_addr, c->address, sizeof(c->address));
	return uv_tcp_connect(&c->connect, c->tcp, a->ai_addr, connected);
}

/* why: what was wrong with the one before. */
static void
connect_next(struct check *c, int why)
{
	while (c->next != NULL) {
		const struct addrinfo	*a = c->next;

		c->next = a->ai_next;
		close_tcp(c);
		if ((why = connect_to(c, a)) == 0)
			return;
	}
	fail(c, "cannot connect to", uv_strerror(why));
}

static void
resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct check	*c = request->data;

	c->list = c->next = list;
	if (c->at != NULL && status != 0)
		fail(c, "cannot look up", uv_strerror(status));
	else if (c->at != NULL)
		connect_next(c, UV_EADDRNOTAVAIL);
	let_go(c);
}

static void
tcp_check_start(struct jobd_attempt *at)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM };
	struct check	*c = mem_zalloc(1, sizeof(*c));
	char		 port[8];

	if (bytes_of_args(at, "send", &c->sent) < 0) {
		free(c);
		return;
	}
	c->at = at;
	c->loop = jobd_loop(at);
	c->since_ns = clock_mono_ns();
	uv_timer_init(c->loop, &c->timer);
	c->timer.data = c->resolve.data = c;
	c->holds = 2;			/* the timer, and the resolver */
	uv_update_time(c->loop);
	uv_timer_start(&c->timer, time_over, (uint64_t)args_int(at, "timeout_ms"), 0);
	jobd_set_data(at, c);
	snprintf(port, sizeof(port), "%d", (int)args_int(at, "port"));
	if (uv_getaddrinfo(c->loop, &c->resolve, resolved, args_text(at, "host"), port, &hints) != 0)
		resolved(&c->resolve, UV_EINVAL, NULL);
}

static void
tcp_check_cancel(struct jobd_attempt *at)
{
	struct check	*c = jobd_data(at);

	jobd_cancelled(at);
	over(c);
}

const struct jobd_handler handler_tcp_check = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "tcp.check",
	.summary = "does a TCP service answer, and how soon",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"host": {"type": "string", "minLength": 1, "maxLength": 255},
			"port": {"type": "integer", "minimum": 1, "maximum": 65535},
			"send": {"type": "string", "maxLength": 65536},
			"send_base64": {"type": "string", "maxLength": 87384},
			"expect": {"type": "string", "minLength": 1, "maxLength": 4096},
			"timeout_ms": {
				"type": "integer", "minimum": 1, "maximum": 3600000, "default": 5000
			}
		},
		"required": ["host", "port"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = tcp_check_start,
	.cancel = tcp_check_cancel,
};
