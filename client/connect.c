/* connect.c - finding the daemon, and saying hello to it.  Runs in: jobctl. */
#include "client/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define CONNECT_MS	INT64_C(10000)

struct attempt {
	struct ctl	*ctl;
	char		*why;
	size_t		 size;
};

static int
fail_because(struct attempt *a, int code, const char *where, const char *text)
{
	snprintf(a->why, a->size, "%s: %s", where, text);
	return code;
}

/* ---- hello ---- */

static void
print_hello(struct buf *out, const char *token, int64_t line_bytes)
{
	buf_puts(out, "{\"client\":\"jobctl/" PACKAGE_VERSION "\",\"max_line_bytes\":");
	buf_put_i64(out, line_bytes);
	if (token != NULL) {
		buf_puts(out, ",\"token\":");
		json_put_text(out, token);
	}
	buf_putc(out, '}');
}

static int
read_hello(struct attempt *a, struct span hello)
{
	struct ctl	*ctl = a->ctl;
	struct span	 limits;
	int64_t		 protocol;

	if (!json_int(hello, "protocol", &protocol) || protocol != 1)
		return fail_because(a, EXIT_UNREACHABLE, ctl->target.text,
		    "the daemon speaks another version of the protocol");
	ctl->principal = json_text(hello, "principal");
	ctl->server = json_text(hello, "server");
	if (json_member(hello, "limits", &limits))
		json_int(limits, "line_bytes", &ctl->daemon_line);
	return 0;
}

static int
refused(struct attempt *a, struct span error)
{
	char		*message = json_text(error, "message"), *kind = NULL;
	struct span	 data;
	int		 code;

	if (json_member(error, "data", &data))
		kind = json_text(data, "kind");
	code = exit_of_error(kind != NULL ? kind : "", a->ctl->verb->one_job);
	snprintf(a->why, a->size, "%s: %s (%s)", a->ctl->target.text,
	    message != NULL ? message : "refused", kind != NULL ? kind : "error");
	free(message);
	free(kind);
	return code;
}

/* Says hello on the open connection. */
static int
hello(struct attempt *a, const char *token)
{
	struct ctl	*ctl = a->ctl;
	struct buf	 params = { 0 };
	struct reply	 reply;
	int		 rc;

	print_hello(&params, token, ctl->line_bytes);
	conn_set_max_line(ctl->conn, (size_t)ctl->line_bytes);
	rc = conn_ask(ctl->conn, "hello", buf_data(&params), buf_len(&params), CTL_ANSWER_MS,
	    &reply);
	explicit_bzero(buf_data(&params), buf_len(&params));
	buf_free(&params);
	if (rc != 0)
		return fail_because(a, EXIT_UNREACHABLE, ctl->target.text, conn_why(ctl->conn));
	return reply.error.len > 0 ? refused(a, reply.error) : read_hello(a, reply.result);
}

/* ---- connecting ---- */

static const char *
reach_problem(int rc)
{
	return rc == -EADDRNOTAVAIL ? "no address is known for this host" : strerror(-rc);
}

static int
reach(struct attempt *a, const struct target *t)
{
	struct ctl	*ctl = a->ctl;
	int		 rc;

	conn_free(ctl->conn);
	ctl->conn = NULL;
	if ((rc = conn_open(&t->addr, CONNECT_MS, &ctl->conn)) != 0) {
		fail_because(a, EXIT_UNREACHABLE, t->text, reach_problem(rc));
		return rc;
	}
	ctl->target = *t;
	return 0;
}

static const char *
token_problem(int err)
{
	switch (err) {
	case EPERM:	return "others than its owner may read it (chmod 600)";
	case EBADMSG:	return "it holds no token";
	default:	return strerror(err);
	}
}

/* Over TCP: with each token that is found until one is taken. */
static int
hello_with_tokens(struct attempt *a, const struct surroundings *s, const struct target *t)
{
	char		 files[TARGET_MAX][TARGET_TEXT], looked[2 * TARGET_TEXT + 200] = "";
	int		 n = target_token_files(s, files), code = -1;
	size_t		 len = 0;

	for (int i = 0; i < n && code != 0; i++) {
		char	*token = target_token_read(files[i]);

		if (token == NULL) {
			len += (size_t)snprintf(looked + len, sizeof(looked) - len, "%s%s: %s",
			    len > 0 ? ", " : "", files[i], token_problem(errno));
			continue;
		}
		if (code > 0 && reach(a, t) != 0)
			code = EXIT_UNREACHABLE;
		else
			code = hello(a, token);
		explicit_bzero(token, strlen(token));
		free(token);
	}
	if (code >= 0)
		return code;
	snprintf(a->why, a->size,
	    "%s wants a token and there is none (%s); JOBD_TOKEN_FILE says where it is",
	    t->text, looked);
	return exit_of_error("unauthenticated", a->ctl->verb->one_job);
}

static int
nobody_there(struct attempt *a, const struct target *list, const int *errors, int n)
{
	size_t	len = 0;

	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(a->why + len, a->size - len, "%s%s: %s", i > 0 ? "; " : "",
		    list[i].text, reach_problem(errors[i]));
	if (n > 1 || errors[0] == -ENOENT || errors[0] == -ECONNREFUSED)
		snprintf(a->why + len, a->size - len,
		    "; is jobd running? (-H or JOBD_HOST says where)");
	return exit_of_code(EXIT_UNREACHABLE, a->ctl->verb->one_job);
}

int
ctl_try_connect(struct ctl *ctl, int64_t line_bytes, char *why, size_t size)
{
	struct attempt		a = { ctl, why, size };
	struct surroundings	s;
	struct target		list[TARGET_MAX];
	int			errors[TARGET_MAX], n, i;

	ctl->line_bytes = line_bytes;
	surroundings_read(&s, ctl->opt.text[OPT_host]);
	if ((n = target_list(&s, list, why, size)) < 0)
		return exit_of_code(EXIT_USAGE, ctl->verb->one_job);
	for (i = 0; i < n; i++)
		if ((errors[i] = reach(&a, &list[i])) == 0)
			break;
	if (i == n)
		return nobody_there(&a, list, errors, n);
	if (list[i].addr.kind == ADDR_TCP)
		return hello_with_tokens(&a, &s, &list[i]);
	return hello(&a, NULL);
}

int
ctl_connect(struct ctl *ctl, int64_t line_bytes)
{
	char	why[2048];
	int	code = ctl_try_connect(ctl, line_bytes, why, sizeof(why));

	if (code != 0)
		ctl_say(ctl, "%s", why);
	return exit_of_code(code, ctl->verb->one_job);
}
