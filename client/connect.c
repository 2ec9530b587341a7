/* connect.c - finding the daemon, and what it says of itself.  Runs in: jobctl. */
#include "client/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS	((size_t)1 << 20)	/* verbs have limits of their own */

static int
could_not(const struct ctl *ctl, const struct jobd_error *err, char *why, size_t size)
{
	switch (err->code) {
	case JOBD_UNREACHABLE:
		snprintf(why, size, "%s", err->message);
		return exit_of_code(EXIT_UNREACHABLE, ctl->verb->one_job);
	case JOBD_USAGE:
		snprintf(why, size, "%s%s", ctl->opt.text[OPT_host] != NULL ? "-H: " : "",
		    err->message);
		return exit_of_code(EXIT_USAGE, ctl->verb->one_job);
	default:
		snprintf(why, size, "%s (%s)", err->message, err->kind);
		return exit_of_error(err->kind, ctl->verb->one_job);
	}
}

static void
read_hello(struct ctl *ctl)
{
	struct span	hello = { jobd_hello(ctl->conn), 0 }, limits;

	hello.len = strlen(hello.p);
	ctl->principal = json_text(hello, "principal");
	ctl->server = json_text(hello, "server");
	if (json_member(hello, "limits", &limits))
		json_int(limits, "line_bytes", &ctl->daemon_line);
}

int
ctl_try_connect(struct ctl *ctl, int64_t line_bytes, char *why, size_t size)
{
	struct jobd_options	options = {
		.address = ctl->opt.text[OPT_host],
		.ca_file = ctl->opt.text[OPT_ca],
		.cert_file = ctl->opt.text[OPT_cert],
		.key_file = ctl->opt.text[OPT_key],
		.client = "jobctl/" PACKAGE_VERSION,
		.max_line_bytes = (size_t)line_bytes,
		.max_requests = REQUESTS,
	};
	struct jobd_error	err;

	ctl->line_bytes = line_bytes;
	if (jobd_open(&options, &ctl->conn, &err) != 0)
		return could_not(ctl, &err, why, size);
	read_hello(ctl);
	return 0;
}

int
ctl_connect(struct ctl *ctl, int64_t line_bytes)
{
	char	why[2048];
	int	code = ctl_try_connect(ctl, line_bytes, why, sizeof(why));

	if (code != 0)
		ctl_say(ctl, "%s", why);
	return code;
}
