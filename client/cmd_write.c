/* cmd_write.c - jobctl write: stdin to the stdin of a running command.  Runs in: jobctl. */
#include "client/feed.h"
#include "client/select.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static int
feed_all(struct ctl *ctl, struct feed *f)
{
	int	rc = 0;

	while (rc == 0 && !feed_done(f)) {
		int		timeout_ms = -1;
		struct pollfd	p[] = {
			{ jobd_fd(ctl->conn), POLLIN, 0 }, { feed_poll_fd(f), POLLIN, 0 } };

		if ((jobd_want(ctl->conn) & JOBD_WRITE) != 0)
			p[0].events |= POLLOUT;
		feed_turn(f, &timeout_ms);
		if (poll(p, 2, timeout_ms) < 0)
			continue;
		if (p[1].revents != 0)
			feed_read(f);
		rc = jobd_turn(ctl->conn);
	}
	return rc != 0 && (!feed_done(f) || f->unsure) ? ctl_lost(ctl, rc) : 0;
}

static int
run(struct ctl *ctl)
{
	struct feed	f;
	uint64_t	id;
	int		rc;

	if ((rc = select_job(ctl, CTL_LINE_BYTES, &id)) != 0)
		return rc;
	feed_init(&f, ctl, id, STDIN_FILENO, option_given(&ctl->opt, OPT_eof), false);
	rc = feed_all(ctl, &f);
	if (rc == 0 && f.error != 0)
		rc = ctl_fail(ctl, EXIT_USAGE, "cannot read stdin: %s", strerror(-f.error));
	if (rc == 0 && f.refused) {
		ctl_say(ctl, "%s (%s)", f.message, f.kind);
		rc = exit_of_error(f.kind, false);
	}
	feed_fini(&f);
	return rc;
}

const struct verb verb_write = {
	.name = "write",
	.operands = "ID | @last",
	.summary = "write stdin to the stdin of a running command",
	.about = "Writes what comes on stdin to the stdin of a command whose stdin was left open\n"
	    "(submit --stdin), and ends when the command has taken all of it: one that reads\n"
	    "slowly is waited for.  Its stdin stays open after that, unless --eof.  A job\n"
	    "that does not run, or reads no more, is a conflict (exit 8).",
	.examples = "  echo reload | jobctl write 42\n"
	    "  jobctl write --eof 42 < answers.txt\n",
	.options = FOR_WRITE,
	.formats = FORMAT_BIT(FORMAT_TEXT),
	.least = 1, .most = 1,
	.run = run,
};
