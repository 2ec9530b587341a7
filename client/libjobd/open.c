/* open.c - finding the daemon, and saying hello to it.  Runs in: programs that use libjobd. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/libjobd/connect.h"
#include "client/libjobd/internal.h"
#include "client/libjobd/tls.h"
#include "client/target.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "proto/bounds.h"

#define TIMEOUT_MS	INT64_C(10000)
#define LINE_BYTES	((size_t)4 << 20)
#define UNSENT_BYTES	((size_t)16 << 20)
#define WORDS		1024		/* of a sentence, before it is cut to fit an error */

/* ---- options ---- */

static size_t
or_else(size_t given, size_t otherwise)
{
	return given != 0 ? given : otherwise;
}

static const char *
text_or_else(const char *given, const char *otherwise)
{
	if (given != NULL)
		return given;
	return otherwise != NULL && otherwise[0] != '\0' ? otherwise : NULL;
}

/* The options with their defaults; 0 or JOBD_USAGE. */
static int
settle(const struct jobd_options *given, struct jobd_options *o, struct jobd_error *err)
{
	*o = given != NULL ? *given : (struct jobd_options){ 0 };
	if (o->client == NULL)
		o->client = "libjobd/" PACKAGE_VERSION;
	if (o->timeout_ms == 0)
		o->timeout_ms = TIMEOUT_MS;
	o->max_line_bytes = or_else(o->max_line_bytes, LINE_BYTES);
	o->max_result_bytes = or_else(o->max_result_bytes, BOUND_RESULT_BYTES_MAX);
	o->max_unsent_bytes = or_else(o->max_unsent_bytes, UNSENT_BYTES);
	o->max_requests = or_else(o->max_requests, BOUND_OPEN_CALLS);
	if (o->max_line_bytes < 1024 || o->max_line_bytes > BOUND_LINE_BYTES_MAX)
		return error_set(err, JOBD_USAGE, "max_line_bytes is not in 1,024 to 64 MiB");
	if (strlen(o->client) < 1 || strlen(o->client) > BOUND_CLIENT_BYTES)
		return error_set(err, JOBD_USAGE, "client has not 1 to 128 bytes");
	if (o->timeout_ms < 0 || o->timeout_ms > INT32_MAX)
		return error_set(err, JOBD_USAGE, "timeout_ms is out of range");
	return 0;
}

/* ---- hello ---- */

static struct jobd_future *
start_hello(struct jobd *j, const struct jobd_options *o, const char *token)
{
	struct jobd_future	*f = future_new(j, FUTURE_HELLO);

	request_begin(j, "hello");
	buf_puts(&j->out, "{\"client\":");
	json_put_text(&j->out, o->client);
	buf_printf(&j->out, ",\"max_line_bytes\":%zu", o->max_line_bytes);
	if (token != NULL) {
		buf_puts(&j->out, ",\"token\":");
		json_put_text(&j->out, token);
	}
	buf_putc(&j->out, '}');
	request_send(j, f);
	return f;
}

static struct jobd *
new_connection(int fd, const struct jobd_options *o)
{
	struct jobd	*j = wire_new(fd);

	fd_set_nonblock(fd);
	j->max_line = o->max_line_bytes;
	j->max_result = o->max_result_bytes;
	j->max_unsent = o->max_unsent_bytes;
	j->max_requests = o->max_requests;
	return j;
}

/*
 * Shakes hands if the target wants that, says hello on a new connection over fd, and waits.  At failure
 * fd is closed.
 */
static int
greet(int fd, const struct jobd_options *o, const char *token, const struct target *t,
    struct jobd **out, struct jobd_error *err)
{
	const struct tls_settings	 files = { o->ca_file, o->cert_file, o->key_file };
	struct jobd			*j = new_connection(fd, o);
	struct jobd_future		*f;
	int				 rc;

	snprintf(j->address, sizeof(j->address), "%s", t->text);
	if (t->addr.kind == ADDR_TLS &&
	    (rc = tls_connect(fd, t->addr.host, &files, o->timeout_ms, &j->tls, err)) != 0) {
		wire_free(j);
		return rc;
	}
	f = start_hello(j, o, token);
	if ((rc = jobd_wait(f, o->timeout_ms)) == JOBD_TIMED_OUT)
		rc = error_set(err, JOBD_UNREACHABLE, "the daemon did not answer in time");
	else if (jobd_error(f) != NULL)
		rc = error_copy(err, jobd_error(f));
	if (rc > 0) {
		rc = err->code = JOBD_UNREACHABLE;
		snprintf(err->kind, sizeof(err->kind), "unreachable");
	}
	jobd_forget(f);
	if (token != NULL && j->out.bytes != NULL && buf_len(&j->out) == 0)
		explicit_bzero(j->out.bytes, j->out.cap);	/* the secret has gone out */
	if (rc == 0)
		*out = j;
	else
		wire_free(j);
	return rc;
}

int
jobd_attach(int fd, const struct jobd_options *options, struct jobd **out, struct jobd_error *err)
{
	struct jobd_options	o;
	int			rc = settle(options, &o, err);

	if (rc != 0)
		return rc;
	*out = new_connection(fd, &o);
	jobd_forget(start_hello(*out, &o, o.token));
	return 0;
}

/* ---- finding ---- */

/* What a failure is about, before its sentence. */
static void
put_where(struct jobd_error *err, const char *where)
{
	char	*message = mem_strdup(err->message);

	snprintf(err->message, sizeof(err->message), "%.255s: %s", where, message);
	free(message);
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

static int
reach(const struct target *t, const struct jobd_options *o, int *fd, struct jobd_error *err)
{
	int	rc = connect_to(&t->addr, o->timeout_ms, fd);

	if (rc == 0)
		return 0;
	error_set(err, JOBD_UNREACHABLE, "%s: %s", t->text, connect_problem(rc));
	return rc;
}

/* With the token of each file that is found until one is taken.  fd is connected; it is used up. */
static int
greet_with_files(int fd, char files[TARGET_MAX][TARGET_TEXT], int n, const struct target *t,
    const struct jobd_options *o, struct jobd **out, struct jobd_error *err)
{
	struct buf	 looked = { 0 };
	char		*words;
	int		 rc = 0, used = 0;

	for (int i = 0; i < n && (used == 0 || rc < 0); i++) {
		char	*token = target_token_read(files[i]);

		if (token == NULL) {
			buf_printf(&looked, "%s%s: %s", buf_len(&looked) > 0 ? ", " : "", files[i],
			    token_problem(errno));
			continue;
		}
		if (used++ == 0 || reach(t, o, &fd, err) == 0) {
			rc = greet(fd, o, token, t, out, err);
			fd = -1;
			if (rc == JOBD_UNAUTHENTICATED)
				put_where(err, files[i]);
			if (rc != 0)
				put_where(err, t->text);
		} else {
			rc = JOBD_UNREACHABLE;
		}
		explicit_bzero(token, strlen(token));
		free(token);
	}
	fd_close(&fd);
	words = buf_take_string(&looked);
	if (used == 0)
		rc = error_set(err, JOBD_UNAUTHENTICATED,
		    "%s wants a token and there is none (%s); JOBD_TOKEN_FILE says where it is",
		    t->text, words);
	free(words);
	return rc;
}

static int
nobody_there(const struct target *list, const int *errors, int n, struct jobd_error *err)
{
	struct buf	 text = { 0 };
	char		*words;

	for (int i = 0; i < n; i++)
		buf_printf(&text, "%s%s: %s", i > 0 ? "; " : "", list[i].text,
		    connect_problem(errors[i]));
	if (n > 1 || errors[0] == -ENOENT || errors[0] == -ECONNREFUSED)
		buf_puts(&text, "; is jobd running? (JOBD_HOST says where)");
	words = buf_take_string(&text);
	error_set(err, JOBD_UNREACHABLE, "%s", words);
	free(words);
	return JOBD_UNREACHABLE;
}

/* Says who we are, in the way that the target wants it.  fd is connected; it is used up. */
static int
log_in(int fd, const struct surroundings *s, const struct target *t, const struct jobd_options *o,
    struct jobd **out, struct jobd_error *err)
{
	char	files[TARGET_MAX][TARGET_TEXT];
	int	n = o->token != NULL ? 0 : target_token_files(s, t->addr.kind, files), rc;

	if (n > 0)
		return greet_with_files(fd, files, n, t, o, out, err);
	if (t->addr.kind == ADDR_TLS && o->token == NULL && o->cert_file == NULL) {
		close(fd);
		return error_set(err, JOBD_UNAUTHENTICATED,
		    "%s wants a token (JOBD_TOKEN_FILE says where it is) or a certificate of yours "
		    "(JOBD_CERT)", t->text);
	}
	if ((rc = greet(fd, o, o->token, t, out, err)) != 0)
		put_where(err, t->text);
	return rc;
}

/* What the options do not say is in the environment. */
static void
take_surroundings(struct jobd_options *o, struct surroundings *s)
{
	surroundings_read(s, o->address);
	if (o->token_file != NULL)
		s->token_file = o->token_file;
	o->ca_file = text_or_else(o->ca_file, s->ca);
	o->cert_file = text_or_else(o->cert_file, s->cert);
	o->key_file = text_or_else(o->key_file, s->key);
}

int
jobd_open(const struct jobd_options *options, struct jobd **out, struct jobd_error *err)
{
	struct jobd_error	own;
	struct jobd_options	o;
	struct surroundings	s;
	struct target		list[TARGET_MAX];
	int			errors[TARGET_MAX], n, i, fd, rc;
	char			why[WORDS];

	if (err == NULL)
		err = &own;
	if ((rc = settle(options, &o, err)) != 0)
		return rc;
	take_surroundings(&o, &s);
	if ((n = target_list(&s, list, why, sizeof(why))) < 0)
		return error_set(err, JOBD_USAGE, "%s", why);
	for (i = 0; i < n; i++)
		if ((errors[i] = reach(&list[i], &o, &fd, err)) == 0)
			break;
	if (i == n)
		return nobody_there(list, errors, n, err);
	return log_in(fd, &s, &list[i], &o, out, err);
}

void
jobd_close(struct jobd *j)
{
	if (j != NULL)
		wire_free(j);
}

const char *
jobd_hello(const struct jobd *j)
{
	return j->hello;
}

const char *
jobd_address(const struct jobd *j)
{
	return j->address;
}

/* ---- helpers ---- */

const char *
jobd_version(void)
{
	return PACKAGE_VERSION;
}
