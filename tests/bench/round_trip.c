/*
 * round_trip.c - what one question and its answer cost with nothing behind them: over TCP on loopback
 * to a process that blocks in recv, and through a channel to a worker that waits as jobd's do.
 * Runs in: the benchmark.
 *
 *   round_trip COUNT REQUEST_BYTES REPLY_BYTES    two lines: p50 and p99 of TCP, of the channel, us
 *
 * The channel is asked in the rhythm in which a broker would that is called over TCP: after a TCP round
 * trip each time.  A worker that is asked without a pause does not sleep, and costs less than any
 * caller over TCP could see.
 */
#include "tests/bench/client.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "proto/channel.h"

static char	bytes[1 << 16];

static void
read_all(int fd, size_t n)
{
	for (size_t got = 0; got < n;)
		got += read_some(fd, bytes + got, n - got);
}

/* ---- TCP ---- */

static void
serve_tcp(int listener, size_t request, size_t reply)
{
	int	fd = accept(listener, NULL, NULL), on = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (;;) {
		read_all(fd, request);
		write_all(fd, bytes, reply);
	}
}

static int
start_tcp(size_t request, size_t reply)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	socklen_t		len = sizeof(sin);
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char			port[8];

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&sin, sizeof(sin)) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) != 0)
		die("listen");
	if (fork() == 0)
		serve_tcp(listener, request, reply);
	snprintf(port, sizeof(port), "%u", ntohs(sin.sin_port));
	return connect_tcp("127.0.0.1", port);
}

/* ---- channel ---- */

static void
serve_channel(struct channel_fds *fds)
{
	struct channel_worker	*w;
	struct channel_entry	 e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (channel_attach(fds, &w) != 0)
		_exit(1);
	for (;;) {
		while (channel_take(w, &e)) {
			memcpy(e.out, e.in, e.in_len);
			channel_complete(w, &e, CHANNEL_OK, e.in_len, 0);
			channel_signal(w);
		}
		channel_wait(w);
	}
}

static struct channel *
start_channel(int *poll)
{
	const struct channel_config	 cfg = { .fifo = true, .kick = CHANNEL_KICK_FUTEX, .depth = 64,
		.runs = 1, .in_bytes = 1 << 20, .out_bytes = 1 << 20 };
	struct epoll_event		 ev = { .events = EPOLLIN | EPOLLET };
	struct channel_fds		 fds;
	struct channel			*ch;

	if (channel_new(&cfg, 1, &ch, &fds) != 0)
		die("channel_new");
	if (fork() == 0)
		serve_channel(&fds);
	if ((*poll = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
	    epoll_ctl(*poll, EPOLL_CTL_ADD, channel_event_fd(ch), &ev) != 0)
		die("epoll");
	return ch;
}

static void
ask_channel(struct channel *ch, int poll)
{
	struct iovec			 in = { bytes, PAYLOAD_BYTES };
	struct channel_submit		 s = { .op = CHANNEL_OP_RUN, .tag = ch, .in = &in, .in_count = 1,
		.out_cap = PAYLOAD_BYTES };
	struct channel_completion	 c;
	struct epoll_event		 ev;
	uint64_t			 token;
	const char			*why;
	int				 rc;

	if (channel_submit(ch, &s, &token) != 0)
		die("channel_submit");
	channel_publish(ch);
	while ((rc = channel_harvest(ch, &c, &why)) == 0) {
		channel_arm(ch);
		channel_fence();
		if (!channel_pending(ch))
			while (epoll_wait(poll, &ev, 1, -1) < 0 && errno == EINTR)
				;
		channel_disarm(ch);
	}
	if (rc < 0)
		die("channel_harvest");
	channel_release(ch, c.token);
}

int
main(int argc, char **argv)
{
	long		 count;
	size_t		 request, reply;
	int64_t		*tcp, *channel, start;
	struct channel	*ch;
	int		 fd, poll;

	if (argc != 4) {
		fprintf(stderr, "usage: round_trip COUNT REQUEST_BYTES REPLY_BYTES\n");
		return 2;
	}
	count = number_argument(argv[1]);
	request = (size_t)number_argument(argv[2]);
	reply = (size_t)number_argument(argv[3]);
	tcp = calloc((size_t)count, sizeof(*tcp));
	channel = calloc((size_t)count, sizeof(*channel));
	if (tcp == NULL || channel == NULL || request > sizeof(bytes) || reply > sizeof(bytes))
		return 2;
	fd = start_tcp(request, reply);
	ch = start_channel(&poll);
	for (long i = 0; i < count; i++) {
		start = now_ns();
		write_all(fd, bytes, request);
		read_all(fd, reply);
		tcp[i] = now_ns() - start;
		start = now_ns();
		ask_channel(ch, poll);
		channel[i] = now_ns() - start;
	}
	print_percentiles(tcp, count);
	print_percentiles(channel, count);
	return 0;
}
