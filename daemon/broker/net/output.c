/* output.c - replies gathered and sent.  Runs in: broker, loop thread. */
#include "daemon/broker/net/output.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/deadline.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/tls/tls.h"
#include "lib/log.h"

/* ---- memory: buffers that are empty go round, so that a busy turn allocates nothing ---- */

struct buf *
output_begin(struct connection *c)
{
	struct net	*n = c->net;

	if (c->out.cap == 0 && n->spare_output_count > 0) {
		c->out = n->spare_outputs[--n->spare_output_count];
		n->spare_output_bytes -= c->out.cap;
	}
	return &c->out;
}

void
output_drop(struct connection *c)
{
	struct net	*n = c->net;

	if (c->out.cap == 0)
		return;
	if (n->spare_output_count == NET_SPARE_OUTPUTS || c->out.cap > NET_SPARE_OUTPUT_BYTES ||
	    n->spare_output_bytes + c->out.cap > NET_SPARE_OUTPUTS_BYTES) {
		buf_free(&c->out);
		return;
	}
	c->out.head = c->out.tail = 0;
	n->spare_outputs[n->spare_output_count++] = c->out;
	n->spare_output_bytes += c->out.cap;
	memset(&c->out, 0, sizeof(c->out));
}

/* A client that does not read keeps what it has not read, not a large buffer with little in it. */
static void
output_fit(struct connection *c)
{
	struct buf	small = { 0 };

	if (c->out.cap < 4096 || buf_len(&c->out) > c->out.cap / 4)
		return;
	buf_append(&small, buf_data(&c->out), buf_len(&c->out));
	output_drop(c);
	c->out = small;
}

void
output_spare_free(struct net *n)
{
	while (n->spare_output_count > 0)
		buf_free(&n->spare_outputs[--n->spare_output_count]);
}

/* ---- sending ---- */

static void
sent(struct connection *c, size_t bytes)
{
	c->net->stats.bytes_out += bytes;
	c->first_left = bytes >= c->first_left ? 0 : c->first_left - bytes;
	buf_consume(&c->out, bytes);
}

static ssize_t
give_bytes(struct connection *c)
{
	return c->tls != NULL ? tls_send(c->tls, buf_data(&c->out), buf_len(&c->out)) :
	    send(connection_fd(c), buf_data(&c->out), buf_len(&c->out),
		MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Nothing of it is left in this process. */
static bool
all_sent(const struct connection *c)
{
	return buf_len(&c->out) == 0 && (c->tls == NULL || tls_unsent(c->tls) == 0);
}

static void
output_send(struct connection *c)
{
	ssize_t	n;

	do {
		n = give_bytes(c);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		sent(c, (size_t)n);
	else if (errno != EAGAIN && errno != EWOULDBLOCK) {
		connection_close(c);
		return;
	}
	c->blocked = !all_sent(c);
}

/* Unsent bytes behind the line that is being sent. */
static size_t
unsent_behind_first(struct connection *c)
{
	size_t		 len = buf_len(&c->out);
	const char	*lf;

	if (c->first_left == 0) {
		lf = memchr(buf_data(&c->out), '\n', len);
		c->first_left = lf == NULL ? len : (size_t)(lf + 1 - buf_data(&c->out));
	}
	return len - c->first_left;
}

void
output_wrote(struct connection *c)
{
	connection_dirty(c);
	if (buf_len(&c->out) <= BOUND_OUTPUT_PAUSE)
		return;
	c->pause |= PAUSE_OUTPUT;
	if (c->clock == DEADLINE_LINE)
		deadline_stop(c);	/* it is us who do not read */
	if (!c->blocked && !c->dead)
		output_send(c);
	if (c->dead || buf_len(&c->out) <= BOUND_OUTPUT_CLOSE)
		return;
	if (unsent_behind_first(c) > BOUND_OUTPUT_CLOSE) {
		if (net_may_log(c->net))
			log_info("connection closed reason=\"output is not read\" unsent_bytes=%zu",
			    buf_len(&c->out));
		connection_close(c);
	}
}

/* All is said.  Closing while the client still sends would make its kernel drop our last words. */
static void
linger(struct connection *c)
{
	if (c->eof) {
		connection_close(c);
		return;
	}
	if (c->lingering)
		return;
	if (c->tls != NULL)
		tls_shutdown(c->tls);
	else
		shutdown(connection_fd(c), SHUT_WR);
	c->lingering = true;
	list_remove(&c->more);		/* no line of it is served any more */
	buf_free(&c->in);
	deadline_start(c, DEADLINE_LINGER);
}

void
output_flush(struct connection *c)
{
	if (buf_len(&c->out) > 0 && !c->blocked)
		output_send(c);
	if (c->dead)
		return;
	if (all_sent(c)) {
		output_drop(c);
		if (c->net->finishing || connection_done(c))
			connection_close(c);
		else if ((c->pause & PAUSE_END) != 0)
			linger(c);
		else if ((c->pause & PAUSE_WORKER) != 0)
			connection_hand_over(c);
	} else {
		output_fit(c);
	}
	if (c->dead)
		return;
	if (buf_len(&c->out) <= BOUND_OUTPUT_PAUSE)
		connection_resume(c, PAUSE_OUTPUT);
	connection_interest(c);
}
