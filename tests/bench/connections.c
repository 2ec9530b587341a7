/*
 * connections.c - echo jobs over many connections, one open call on each, while others are idle.
 * Runs in: the benchmark.
 *
 *   connections ADDRESS TOKEN BROKER_PID LANE ACTIVE IDLE COUNT
 *
 * Prints jobs per second, and the broker's CPU time for one job in ns.  Each idle connection has said
 * hello and called once.
 */
#include "tests/bench/jobd_lines.h"

#include <sys/epoll.h>

static char	request[REQUEST_BYTES];
static size_t	request_len;

static void
ask(int fd)
{
	write_all(fd, request, request_len);
}

/* One reply is smaller than what the kernel delivers at once on loopback. */
static void
take(int fd)
{
	char	in[1024];
	size_t	len = 0;

	while (len == 0 || in[len - 1] != '\n')
		len += read_some(fd, in + len, sizeof(in) - len);
	if (memmem(in, len, "\"state\":\"succeeded\"", 19) == NULL) {
		fprintf(stderr, "unexpected reply: %.*s\n", (int)len, in);
		exit(1);
	}
}

static int
open_connection(const char *address, const char *token)
{
	int	fd = jobd_connect(address, token);

	ask(fd);
	take(fd);
	return fd;
}

static void
serve(int poll, long count)
{
	struct epoll_event	events[64];

	for (long done = 0; done < count;) {
		int	n = epoll_wait(poll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			take(events[i].data.fd);
			ask(events[i].data.fd);
			done++;
		}
	}
}

int
main(int argc, char **argv)
{
	char	 payload[PAYLOAD_BYTES + 1];
	int	 poll = epoll_create1(EPOLL_CLOEXEC);
	int64_t	 start, cpu;
	long	 active, idle, count;
	pid_t	 broker;

	if (argc != 8 || poll < 0) {
		fprintf(stderr, "usage: connections ADDRESS TOKEN BROKER_PID LANE ACTIVE IDLE COUNT\n");
		return 2;
	}
	broker = (pid_t)number_argument(argv[3]);
	active = number_argument(argv[5]);
	idle = strcmp(argv[6], "0") == 0 ? 0 : number_argument(argv[6]);
	count = number_argument(argv[7]);
	print_payload(payload);
	request_len = (size_t)snprintf(request, sizeof(request), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
	    "\"job.call\",\"params\":{\"type\":\"echo\",\"args\":%s,\"lane\":\"%s\"}}\n", payload, argv[4]);
	for (long i = 0; i < idle; i++)
		open_connection(argv[1], argv[2]);
	for (long i = 0; i < active; i++) {
		int			fd = open_connection(argv[1], argv[2]);
		struct epoll_event	ev = { .events = EPOLLIN, .data.fd = fd };

		if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &ev) != 0)
			die("epoll_ctl");
		ask(fd);
	}
	serve(poll, count / 4);			/* warm */
	start = now_ns();
	cpu = process_cpu_ns(broker);
	serve(poll, count);
	cpu = process_cpu_ns(broker) - cpu;
	printf("%.0f %.0f\n", (double)count * 1e9 / (double)(now_ns() - start),
	    (double)cpu / (double)count);
	return 0;
}
