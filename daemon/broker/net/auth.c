/* auth.c - who is a connection, and what may it do.  Runs in: broker, loop thread. */
#include "daemon/broker/net/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/deadline.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/watch.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"

/* ---- the token ---- */

#define SECRET_BYTES	32

static int
make_secret(const char *id, char *out, size_t size)
{
	unsigned char	secret[SECRET_BYTES];
	size_t		at;

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return -EIO;
	at = (size_t)snprintf(out, size, "%s.", id);
	for (size_t i = 0; i < sizeof(secret); i++)
		at += (size_t)snprintf(out + at, size - at, "%02x", secret[i]);
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

/* A new file under another name first: a reader sees the whole token or none. */
static int
write_token(const char *path, const char *text)
{
	char	*fresh = mem_printf("%s.new", path);
	int	 fd, rc;

	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	rc = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	if (rc == 0)
		rc = fd_write_all(fd, "\n", 1);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	fd_close(&fd);
	if (rc == 0 && rename(fresh, path) != 0)
		rc = -errno;
	free(fresh);
	return rc;
}

static int
make_token(const char *path, const char *id)
{
	char	text[128];
	int	rc = make_secret(id, text, sizeof(text));

	if (rc == 0)
		rc = write_token(path, text);
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int
read_token(struct token *t, const char *path)
{
	struct stat	 st;
	char		*text;
	size_t		 len;

	if (stat(path, &st) != 0)
		return -errno;
	if ((st.st_mode & 077) != 0)
		return -EPERM;
	if ((text = fd_read_file(path, sizeof(t->text) - 1, &len)) == NULL)
		return -errno;
	len = strcspn(text, "\r\n");
	memcpy(t->text, text, len);
	t->len = len;
	explicit_bzero(text, len);
	free(text);
	return len < SECRET_BYTES ? -EINVAL : 0;
}

static int
open_token(struct token *t, const char *state_dir, const char *id)
{
	char	*path = mem_printf("%s/%s.token", state_dir, id);
	int	 rc = read_token(t, path);

	if (rc == -ENOENT && (rc = make_token(path, id)) == 0)
		rc = read_token(t, path);
	if (rc != 0)
		log_error("token file is not usable path=%s error=\"%s\"", path,
		    rc == -EPERM ? "its group or others may read it" : strerror(-rc));
	free(path);
	return rc;
}

int
auth_open(struct auth *a, const char *state_dir)
{
	int	rc = open_token(&a->client, state_dir, "client");

	return rc != 0 ? rc : open_token(&a->worker, state_dir, "worker");
}

void
auth_close(struct auth *a)
{
	explicit_bzero(a, sizeof(*a));
}

static bool
is_token(const struct token *t, const char *text, size_t len)
{
	unsigned char	differ = 0;

	if (t->len == 0 || len != t->len)
		return false;
	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(t->text[i] ^ text[i]);
	return differ == 0;
}

enum rpc_role
auth_token_role(const struct auth *a, const char *text, size_t len)
{
	if (is_token(&a->client, text, len))
		return ROLE_admin;
	return is_token(&a->worker, text, len) ? ROLE_worker : ROLE_anybody;
}

/* ---- roles ---- */

enum rpc_role
auth_unix_role(uid_t uid)
{
	return uid == 0 || uid == geteuid() ? ROLE_admin : ROLE_anybody;
}

void
auth_principal(const struct connection *c, char *out, size_t size)
{
	if (!c->tcp)
		snprintf(out, size, "uid:%u", c->uid);
	else
		snprintf(out, size, "%s", c->role == ROLE_anybody ? "nobody" :
		    c->role == ROLE_worker ? "token:worker" : "token:client");
}

int
auth_check(const struct connection *c, enum rpc_method method, struct rpc_error *err)
{
	enum rpc_role	wanted = rpc_methods[method].role;

	if (c->role >= wanted)
		return 0;
	if (c->role == ROLE_anybody)
		return rpc_fail(err, RPC_unauthenticated,
		    "%s needs a hello with the token of " AUTH_TOKEN_FILE " first",
		    rpc_methods[method].name);
	return rpc_fail(err, RPC_forbidden, "%s needs the role %s", rpc_methods[method].name,
	    rpc_role_names[wanted]);
}

/* ---- hello ---- */

static int
refuse_login(struct call *call)
{
	struct connection	*c = call->conn;
	char			 addr[80];

	c->logins_failed++;
	connection_addr(c, addr, sizeof(addr));
	if (net_may_log(c->net))
		log_warn("login refused addr=%s failures=%d", addr, c->logins_failed);
	c->pause |= PAUSE_LOGIN;
	watch_timeout(watch_new(call, WATCH_LOGIN, 0), AUTH_DELAY_MS);
	return METHOD_LATER;
}

/* Nothing more of it is a client's: what follows is lanes', once hello is answered. */
static void
become_worker(struct connection *c)
{
	c->role = ROLE_worker;
	c->pause |= PAUSE_WORKER;
}

int
auth_hello(struct call *call)
{
	struct connection	*c = call->conn;
	const struct rpc_value	*token = call_param(call, PARAM_token);
	enum rpc_role		 role;

	if (!token->given || (c->tcp && c->role != ROLE_anybody))
		return METHOD_ANSWERED;
	role = auth_token_role(&c->net->auth, token->p, token->len);
	if (role == ROLE_worker) {
		deadline_stop(c);
		become_worker(c);
	} else if (c->tcp && role == ROLE_anybody) {
		return refuse_login(call);
	} else if (c->tcp) {
		c->role = (uint8_t)role;
		deadline_stop(c);
	}
	return METHOD_ANSWERED;
}

void
auth_delay_over(struct connection *c)
{
	if (c->logins_failed >= AUTH_FAILURES)
		connection_end(c);
	connection_resume(c, PAUSE_LOGIN);
}
