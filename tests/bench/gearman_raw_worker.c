/*
 * gearman_raw_worker.c - returns what it is given, and asks for the next job before it has this one:
 * GRABS of its questions are open at a time, which libgearman's worker cannot do.
 * Runs in: the benchmark.
 *
 *   gearman_raw_worker PORT GRABS
 */
#include "tests/bench/gearman_packet.h"

#include <signal.h>
#include <sys/prctl.h>

#define BUFFER_BYTES	(1 << 18)

static char	out[2 * BUFFER_BYTES];
static size_t	out_len;
static long	grabs, asked;			/* to be open; open */

static void
say(enum gearman_type type, const void *body, size_t len)
{
	out_len += gearman_print(out + out_len, type, body, len);
}

static void
grab(void)
{
	for (; asked < grabs; asked++)
		say(GEARMAN_GRAB_JOB, NULL, 0);
}

/* JOB_ASSIGN is handle, function and data; WORK_COMPLETE is handle and data. */
static void
work(const struct gearman_packet *p)
{
	char		 body[1024];
	size_t		 handle = strlen(p->body) + 1, function = strlen(p->body + handle) + 1;
	size_t		 data = p->body_len - handle - function;

	if (handle + data > sizeof(body))
		exit(1);
	memcpy(body, p->body, handle);
	memcpy(body + handle, p->body + handle + function, data);
	say(GEARMAN_WORK_COMPLETE, body, handle + data);
}

static void
take(const struct gearman_packet *p)
{
	switch (p->type) {
	case GEARMAN_JOB_ASSIGN:
		asked--;
		work(p);
		grab();
		break;
	case GEARMAN_NO_JOB:
		if (--asked == 0)		/* all questions answered: none has come meanwhile */
			say(GEARMAN_PRE_SLEEP, NULL, 0);
		break;
	case GEARMAN_NOOP:
		grab();
		break;
	default:
		fprintf(stderr, "unexpected packet of type %d\n", (int)p->type);
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	static char		in[BUFFER_BYTES];
	struct gearman_packet	p;
	size_t			have = 0, at;
	int			fd;

	if (argc != 3)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	grabs = number_argument(argv[2]);
	fd = connect_tcp("127.0.0.1", argv[1]);
	say(GEARMAN_CAN_DO, "echo", 4);
	for (grab(); ; memmove(in, in + at, have)) {
		if (out_len > 0)
			write_all(fd, out, out_len);
		out_len = 0;
		have += read_some(fd, in + have, sizeof(in) / 2 - have);
		for (at = 0; gearman_next(in + at, have - at, &p); at += p.len)
			take(&p);
		have -= at;
	}
}
