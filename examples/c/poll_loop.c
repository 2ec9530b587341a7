/*
 * poll_loop.c - libjobd inside a loop that is not its own.
 *
 * Reads lines `TYPE JSON` from stdin, runs each as a job, and prints results as they come, in
 * whatever order that is.  Nothing here ever waits for the daemon alone: one poll(2) watches stdin
 * and the connection.  With libevent, libuv or epoll it is the same: watch jobd_fd for what
 * jobd_want says, and call jobd_turn when it is ready.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jobd.h>

struct input {
	char	bytes[65536];
	size_t	len;
	bool	ended;
};

/* Called from jobd_turn. */
static void
job_done(struct jobd_future *f, void *data)
{
	unsigned	*left = data;

	if (jobd_error(f) == NULL)
		printf("job %llu: %s\n", (unsigned long long)jobd_id(f), jobd_result(f, NULL));
	else
		printf("job %llu: %s (%s)\n", (unsigned long long)jobd_id(f),
		    jobd_error(f)->message, jobd_error(f)->kind);
	fflush(stdout);
	--*left;
	jobd_forget(f);
}

static void
start_line(struct jobd *j, char *line, unsigned *left)
{
	char			*args = strchr(line, ' ');
	struct jobd_error	 why;
	struct jobd_future	*f;

	if (args != NULL)
		*args++ = '\0';
	f = jobd_start_call(j, &(struct jobd_job){ .type = line, .args = args }, &why);
	if (f == NULL) {
		printf("%s: %s (%s)\n", line, why.message, why.kind);
		return;
	}
	++*left;
	jobd_on_done(f, job_done, left);
}

static void
read_lines(struct input *in, struct jobd *j, unsigned *left)
{
	ssize_t	n = read(STDIN_FILENO, in->bytes + in->len, sizeof(in->bytes) - 1 - in->len);
	char	*line = in->bytes, *end;

	if (n <= 0) {
		in->ended = true;
		return;
	}
	in->len += (size_t)n;
	in->bytes[in->len] = '\0';
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		start_line(j, line, left);
	}
	in->len -= (size_t)(line - in->bytes);
	memmove(in->bytes, line, in->len);
	if (in->len == sizeof(in->bytes) - 1)
		errx(1, "a line is longer than %zu bytes", in->len);
}

static short
wanted(const struct jobd *j)
{
	int	want = jobd_want(j);

	return (short)((want & JOBD_READ ? POLLIN : 0) | (want & JOBD_WRITE ? POLLOUT : 0));
}

int
main(void)
{
	static struct input	 in;
	struct jobd_error	 why;
	struct jobd		*j;
	unsigned		 left = 0;

	if (jobd_open(NULL, &j, &why) != 0)
		errx(1, "%s", why.message);
	while (!in.ended || left > 0) {
		struct pollfd	p[2] = {
			{ in.ended ? -1 : STDIN_FILENO, POLLIN, 0 },
			{ jobd_fd(j), wanted(j), 0 },
		};

		if (poll(p, 2, -1) < 0)
			err(1, "poll");
		if (p[0].revents != 0)
			read_lines(&in, j, &left);
		if (jobd_turn(j) != 0)
			errx(1, "%s", jobd_broken(j)->message);
	}
	jobd_close(j);
	return 0;
}
