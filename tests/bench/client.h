/*
 * client.h - what the benchmark clients share: time, percentiles, sockets, one way to print a result.
 *
 * Every client prints one line of numbers on stdout: jobs per second, or p50 and p99 in microseconds.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD_BYTES	64

static inline int64_t
now_ns(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline void
die(const char *what)
{
	perror(what);
	exit(1);
}

static inline long
number_argument(const char *text)
{
	char	*end;
	long	 n = strtol(text, &end, 10);

	if (*end != '\0' || n <= 0) {
		fprintf(stderr, "not a count: %s\n", text);
		exit(2);
	}
	return n;
}

static int
compare_times(const void *a, const void *b)
{
	int64_t	x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static inline void
print_percentiles(int64_t *times_ns, long n)
{
	qsort(times_ns, (size_t)n, sizeof(*times_ns), compare_times);
	printf("%.1f %.1f\n", (double)times_ns[n / 2] / 1e3, (double)times_ns[n - 1 - n / 100] / 1e3);
}

static inline void
print_rate(long n, int64_t start_ns)
{
	printf("%.0f\n", (double)n * 1e9 / (double)(now_ns() - start_ns));
}

/* CPU time that a process (all its threads) has taken; it must be ours. */
static inline int64_t
process_cpu_ns(pid_t pid)
{
	struct timespec	ts;
	clockid_t	clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
		die("clock_getcpuclockid");
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline int
connect_tcp(const char *host, const char *port)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM }, *ai;
	int		 fd, on = 1;

	if (getaddrinfo(host, port, &hints, &ai) != 0)
		die(host);
	if ((fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
	    connect(fd, ai->ai_addr, ai->ai_addrlen) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	freeaddrinfo(ai);
	return fd;
}

static inline int
connect_unix(const char *path)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sun.sun_path))
		exit(2);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		die("connect");
	return fd;
}

static inline void
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t	done = send(fd, p, n, MSG_NOSIGNAL);

		if (done <= 0)
			die("send");
		p += done;
		n -= (size_t)done;
	}
}

static inline size_t
read_some(int fd, char *p, size_t n)
{
	ssize_t	got = recv(fd, p, n, 0);

	if (got <= 0)
		die("recv");
	return (size_t)got;
}

#endif
