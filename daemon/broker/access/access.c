/* access.c - who may what.  Runs in: broker, loop thread. */
#include "daemon/broker/access/access.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/broker/access/access_internal.h"
#include "lib/alloc.h"

#define UID_PREFIX	"uid:"
#define TOKEN_PREFIX	"token:"
#define CERT_PREFIX	"cert:"
#define CN_BYTES	200	/* of a common name, at most, as config_rule.c has it */

/* ---- life ---- */

char *
access_path(const struct access *a, const char *name)
{
	return mem_printf("%s/%s", a->state_dir, name);
}

static void
on_written(evutil_socket_t fd, short what, void *arg)
{
	struct access	*a = arg;

	(void)fd;
	(void)what;
	scribe_run(a->scribe);
}

static struct scribe_config
scribe_of(const struct access *a, const struct config *c, char **usual)
{
	*usual = c->audit_file == NULL ? access_path(a, "audit.log") : NULL;
	return (struct scribe_config){
		.audit = !c->audit_on ? NULL : c->audit_file != NULL ? c->audit_file : *usual,
		.max_bytes = c->audit_max_bytes, .keep = c->audit_keep,
	};
}

static void
configure_audit(struct access *a, const struct config *c)
{
	a->audit.on = c->audit_on != 0;
	a->audit.rate = c->audit_rate;
}

static int
open_scribe(struct access *a, const struct config *c, struct event_base *base)
{
	char			*usual;
	struct scribe_config	 cfg = scribe_of(a, c, &usual);
	int			 rc = scribe_open(&cfg, &a->scribe);

	free(usual);
	if (rc != 0)
		return rc;
	a->audit.scribe = a->scribe;
	configure_audit(a, c);
	if (base == NULL)
		return 0;
	a->written = event_new(base, scribe_fd(a->scribe), EV_READ | EV_PERSIST, on_written, a);
	event_add(a->written, NULL);
	return 0;
}

int
access_open(const char *state_dir, const struct config *c, struct event_base *base, int64_t now_ms,
    struct access **out, char *why, size_t size)
{
	struct access	*a = mem_zalloc(1, sizeof(*a));
	int		 rc;

	a->state_dir = state_dir;
	rules_init(&a->rules);
	tokens_init(&a->tokens);
	principals_init(&a->principals);
	list_init(&a->audit.sums);
	if ((rc = access_open_tokens(a, now_ms, why, size)) != 0) {
		access_close(a);
		return rc;
	}
	if ((rc = open_scribe(a, c, base)) != 0) {
		snprintf(why, size, "the thread of the audit log: %s", strerror(-rc));
		access_close(a);
		return rc;
	}
	rules_load(&a->rules, c);
	principals_configure(&a->principals, c);
	*out = a;
	return 0;
}

void
access_close(struct access *a)
{
	if (a == NULL)
		return;
	if (a->written != NULL)
		event_free(a->written);
	if (a->scribe != NULL) {
		audit_publish(&a->audit, 0, 0, true);
		scribe_close(a->scribe);
	}
	buf_free(&a->audit.lines);
	tokens_fini(&a->tokens);
	rules_fini(&a->rules);
	principals_free(&a->principals);
	free(a);
}

void
access_configure(struct access *a, const struct config *c)
{
	char			*usual;
	struct scribe_config	 cfg = scribe_of(a, c, &usual);

	rules_load(&a->rules, c);
	principals_configure(&a->principals, c);
	scribe_configure(a->scribe, &cfg);
	configure_audit(a, c);
	free(usual);
	if (a->writing > 0)
		a->read_again = true;
	else
		access_reread_tokens(a);
}

/* ---- identities ---- */

static struct identity *
make(struct access *a, const char *name, struct grant *grant)
{
	if (grant->role == ROLE_anybody) {
		grant_fini(grant);
		return NULL;
	}
	return identity_new(name, grant, principals_get(&a->principals, name, strlen(name)));
}

/* The kernel's list, of the moment of connect: what a directory service says may take long. */
static gid_t *
groups_of(int fd, gid_t first, size_t *count)
{
	gid_t		*groups = mem_alloc(sizeof(*groups));
	socklen_t	 len = 0;

	groups[0] = first;
	*count = 1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return groups;
	groups = mem_resize(groups, len / sizeof(*groups) + 1, sizeof(*groups));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &len) == 0)
		*count += len / sizeof(*groups);
	return groups;
}

struct identity *
access_of_peer(struct access *a, int fd)
{
	struct ucred	cred;
	socklen_t	len = sizeof(cred);
	struct peer_ids	peer = { 0 };
	struct grant	grant;
	gid_t		*groups;
	char		name[32];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || cred.uid == (uid_t)-1)
		return NULL;
	groups = groups_of(fd, cred.gid, &peer.ngroups);
	peer.uid = cred.uid;
	peer.groups = groups;
	rules_of_peer(&a->rules, &peer, &grant);
	free(groups);
	snprintf(name, sizeof(name), UID_PREFIX "%u", cred.uid);
	return make(a, name, &grant);
}

/* Of its hash, so that it says nothing of the secret itself. */
static uint64_t
secret_number(const struct token *t)
{
	uint64_t	number;

	memcpy(&number, t->hash, sizeof(number));
	return number;
}

static struct identity *
identity_of(struct access *a, struct token *t)
{
	struct grant	grant;
	char		name[sizeof(TOKEN_PREFIX) + BOUND_NAME_BYTES];

	if (t->who == NULL) {
		grant_copy(&t->grant, &grant);
		snprintf(name, sizeof(name), TOKEN_PREFIX "%s", t->id);
		t->who = make(a, name, &grant);
		t->who->expires_ms = t->expires_ms;
		t->who->secret = secret_number(t);
	}
	return identity_ref(t->who);
}

static bool
has_expired(const struct token *t, int64_t now_ms)
{
	return t->expires_ms != 0 && t->expires_ms <= now_ms;
}

struct identity *
access_of_token(struct access *a, const char *text, size_t len, int64_t now_ms, const char **why)
{
	struct token	*t = tokens_of(&a->tokens, text, len);

	*why = t == NULL ? "wrong" : "expired";
	return t == NULL || has_expired(t, now_ms) ? NULL : identity_of(a, t);
}

/*
 * It goes into logs, files and replies, and names a principal: nothing in it needs to be escaped.
 */
static bool
is_plain(const char *cn)
{
	for (const char *p = cn; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f ||
		    strchr("\"\\", *p) != NULL)
			return false;
	return cn[0] != '\0' && strlen(cn) <= CN_BYTES;
}

struct identity *
access_of_certificate(struct access *a, const char *cn)
{
	struct grant	grant;
	char		name[sizeof(CERT_PREFIX) + CN_BYTES];

	if (!is_plain(cn))
		return NULL;
	rules_of_certificate(&a->rules, cn, &grant);
	snprintf(name, sizeof(name), CERT_PREFIX "%s", cn);
	return make(a, name, &grant);
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

struct identity *
access_again(struct access *a, const struct identity *who, int fd, int64_t now_ms)
{
	const char	*name = who->name;
	struct token	*t;

	if (begins(name, CERT_PREFIX))
		return access_of_certificate(a, name + strlen(CERT_PREFIX));
	if (!begins(name, TOKEN_PREFIX))
		return access_of_peer(a, fd);
	name += strlen(TOKEN_PREFIX);
	t = tokens_find(&a->tokens, name, strlen(name));
	if (t == NULL || t->grant.role == ROLE_anybody || has_expired(t, now_ms) ||
	    secret_number(t) != who->secret)
		return NULL;
	return identity_of(a, t);
}

int64_t
access_next_expiry(const struct access *a, int64_t now_ms)
{
	int64_t	next_ms = INT64_MAX;

	list_for(node, &a->tokens.list) {
		const struct token	*t = list_entry(node, struct token, link);

		if (t->expires_ms > now_ms && t->expires_ms < next_ms)
			next_ms = t->expires_ms;
	}
	return next_ms;
}

struct submitter *
access_submitter(struct access *a, const char *principal, const char *client, const char *addr)
{
	struct submitter	*s = submitter_new(principal, client, addr);

	s->account = &principals_get(&a->principals, principal, strlen(principal))->account;
	return s;
}
