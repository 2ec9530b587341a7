/* plan.c - what has to be there before anything is started.  Runs in: supervisor. */
#include "daemon/supervisor/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/supervisor/activation.h"
#include "daemon/supervisor/credentials.h"
#include "daemon/supervisor/paths.h"
#include "daemon/supervisor/sources.h"
#include "daemon/supervisor/state.h"
#include "daemon/supervisor/tls.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define SYSTEM_TCP	"tcp:127.0.0.1:7433"

/* ---- made from the command line and the file ---- */

void
plan_log(const struct plan *p)
{
	enum log_level	level = LOG_LEVEL_INFO;

	log_level_parse(p->config.log_level, &level);
	log_init("jobd", level);
}

static void
choose_addresses(const struct config *c, struct args *out)
{
	struct paths_env	 env;
	const char		*at = c->listen;
	char			*dir, one[512];

	while (at != NULL && config_next_addr(&at, one, sizeof(one)))
		args_add(out, one);
	if (out->n > 0)
		return;
	paths_env_read(&env);
	dir = paths_socket_dir(&env);
	args_addf(out, "unix:%s/jobd.sock", dir);
	if (env.uid == 0)
		args_add(out, SYSTEM_TCP);
	free(dir);
}

static int
check_addresses(struct plan *p, struct args *texts, char *why, size_t size)
{
	if (activation_addresses(texts, why, size) != 0)
		return EXIT_CONFIG;
	p->addrs = mem_zalloc(texts->n, sizeof(*p->addrs));
	for (; p->naddrs < texts->n; p->naddrs++) {
		struct addr	*addr = &p->addrs[p->naddrs];

		if (parse_addr(texts->v[p->naddrs], addr) != 0) {
			snprintf(why, size, "%s: the path is too long", texts->v[p->naddrs]);
			return EXIT_CONFIG;
		}
		if (listen_check(addr, why, size) != 0)
			return EXIT_CONFIG;
	}
	return 0;
}

static char *
choose_jobs_dir(const struct config *c)
{
	struct paths_env	env;

	paths_env_read(&env);
	return c->jobs_dir != NULL ? mem_strdup(c->jobs_dir) : paths_jobs_dir(&env);
}

static bool
choose_account(const char *key, const char *name, struct account *out, char *why, size_t size)
{
	if (name == NULL || account_find(name, out) != 0) {
		snprintf(why, size, "%s: there is no account `%s`; make it (useradd --system "
		    "--user-group --no-create-home --shell /usr/sbin/nologin %s), or let all be root's: "
		    "--set users.daemon=root --set users.jobs=root", key, name == NULL ? "" : name,
		    name == NULL ? "NAME" : name);
		return false;
	}
	return true;
}

/* The daemon may see more than who checks its configuration, and says itself what is wrong with that. */
static bool
is_left_to_daemon(const struct plan *p)
{
	return p->options->check_config && tls_may_be_hidden(&p->tls);
}

/* Without a certificate a TLS listener could serve nobody.  The setting to blame; NULL: all is good. */
static const char *
choose_tls(struct plan *p, const struct config *c, char *why, size_t size)
{
	const char	*key = tls_read(c, &p->tls, why, size);

	for (size_t i = 0; key == NULL && i < p->naddrs; i++) {
		if (p->addrs[i].kind != ADDR_TLS ||
		    (p->tls.pem[TLS_CERTIFICATE] != NULL && p->tls.pem[TLS_KEY] != NULL) ||
		    is_left_to_daemon(p))
			continue;
		snprintf(why, size, "tls:%s:%u: needs tls.certificate and tls.key", p->addrs[i].host,
		    p->addrs[i].port);
		key = "net.listen";
	}
	return key;
}

/* Only root can be others than it is.  The setting that names nobody; NULL: all are there. */
static const char *
choose_accounts(struct plan *p, const struct config *c, char *why, size_t size)
{
	struct account	*w = &p->worker_account;
	const char	*commands = c->users_commands;

	if (geteuid() != 0) {
		account_own(&p->daemon_account);
		account_own(&p->jobs_account);
		account_own(&p->worker_account);
		return NULL;
	}
	if (!choose_account("users.daemon", c->users_daemon, &p->daemon_account, why, size))
		return "users.daemon";
	if (!choose_account("users.jobs", c->users_jobs, w, why, size) ||
	    (commands == NULL &&
	    !choose_account("users.jobs", c->users_jobs, &p->jobs_account, why, size)))
		return "users.jobs";
	if (commands != NULL &&
	    !choose_account("users.commands", commands, &p->jobs_account, why, size))
		return "users.commands";
	w->groups = mem_resize(w->groups, w->ngroups + 1, sizeof(*w->groups));
	w->groups[w->ngroups++] = p->daemon_account.gid;
	return NULL;
}

/* fault->why is filled: whose setting is it about? */
static int
blame(const struct plan *p, const char *key, struct config_fault *fault)
{
	const struct setting	*s = settings_find(&p->settings, key);
	const char		*colon = s == NULL ? NULL : strrchr(s->origin, ':');

	snprintf(fault->key, sizeof(fault->key), "%s", key);
	if (colon == NULL)
		return EXIT_CONFIG;
	snprintf(fault->file, sizeof(fault->file), "%.*s", (int)(colon - s->origin), s->origin);
	fault->line = atoi(colon + 1);
	return EXIT_CONFIG;
}

int
plan_make(struct plan *p, const struct options *o, struct config_fault *fault)
{
	struct paths_env	 env;
	struct args		 texts = { 0 };
	const char		*key;

	memset(p, 0, sizeof(*p));
	p->lock.fd = p->children.fd = p->cgroup.dir = -1;
	p->options = o;
	config_init(&p->config);
	settings_init(&p->settings);
	paths_env_read(&env);
	if (sources_read(o, &env, environ, &p->config, &p->settings, fault) != 0)
		return EXIT_CONFIG;
	p->jobs_dir = choose_jobs_dir(&p->config);
	p->cgroup_wanted = mem_strdup(p->config.workers_cgroup == NULL ? "auto" :
	    p->config.workers_cgroup);
	p->default_addrs = p->config.listen == NULL && activation_count() == 0;
	if (activation_count() == 0)
		choose_addresses(&p->config, &texts);
	key = check_addresses(p, &texts, fault->why, sizeof(fault->why)) != 0 ? "net.listen" :
	    choose_accounts(p, &p->config, fault->why, sizeof(fault->why));
	if (key == NULL)
		key = choose_tls(p, &p->config, fault->why, sizeof(fault->why));
	args_free(&texts);
	return key == NULL ? 0 : blame(p, key, fault);
}

void
plan_adopt(struct plan *p, struct plan *next)
{
	config_move(&p->config, &next->config);
	settings_move(&p->settings, &next->settings);
	free(p->jobs_dir);
	p->jobs_dir = next->jobs_dir;
	next->jobs_dir = NULL;
	tls_files_free(&p->tls);
	p->tls = next->tls;
	memset(&next->tls, 0, sizeof(next->tls));
	plan_log(p);
}

/* Of what has a name, as queues have, of the net and of who may what only the broker knows. */
static bool
is_for_workers(const struct setting *s)
{
	static const char *const	others[] = { "net.", "access.", "audit.", "tls." };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strncmp(s->text, others[i], strlen(others[i])) == 0)
			return false;
	}
	return memchr(s->text, ' ', s->name_len) == NULL;
}

void
plan_worker_args(const struct plan *p, struct args *argv)
{
	list_for (node, &p->settings.all) {
		const struct setting	*s = list_entry(node, struct setting, link);

		if (!is_for_workers(s))
			continue;
		args_add(argv, "--set");
		args_add(argv, s->text);
	}
}

/* Without a directory: as with one that does not exist. */
void
plan_read_catalog(const struct plan *p, const char *jobs_dir, struct catalog *out)
{
	catalog_read(out, jobs_dir == NULL ? "/nonexistent" : jobs_dir, &p->jobs_account,
	    geteuid() == 0);
}

int
plan_find_programs(struct plan *p, char *why, size_t size)
{
	if ((p->broker_program = paths_program("jobd-broker", why, size)) == NULL ||
	    (p->worker_program = paths_program("jobd-worker", why, size)) == NULL ||
	    (p->exec_program = paths_program("jobd-exec", why, size)) == NULL)
		return EXIT_CONFIG;
	return 0;
}

/* A certificate that nobody uses is tried too: it may be meant for the next listener. */
int
plan_check_tls(const struct plan *p, const char *program, struct config_fault *fault)
{
	const char	*key;

	if ((p->tls.pem[TLS_CERTIFICATE] == NULL && p->tls.pem[TLS_KEY] == NULL) ||
	    is_left_to_daemon(p))
		return 0;
	key = tls_check(program, &p->daemon_account, &p->tls, fault->why, sizeof(fault->why));
	return key == NULL ? 0 : blame(p, key, fault);
}

/* ---- opened ---- */

/*
 * An existing one may be a link, which is followed; what it is in the end must be ours alone.
 * The caller frees; NULL with a sentence.
 */
static char *
open_state_dir(const char *given, uid_t owner, char *why, size_t size)
{
	struct paths_env	 env;
	char			*wanted, *path;

	paths_env_read(&env);
	wanted = given != NULL ? mem_strdup(given) : paths_state_dir(&env);
	if (wanted == NULL) {
		snprintf(why, size,
		    "--state-dir is needed: neither XDG_STATE_HOME nor HOME is set");
		return NULL;
	}
	if ((path = realpath(wanted, NULL)) == NULL && errno == ENOENT) {
		if (paths_make_dir(wanted, 0077, why, size) == 0 &&
		    (path = realpath(wanted, NULL)) == NULL)
			snprintf(why, size, "%s: %s", wanted, strerror(errno));
	} else if (path == NULL) {
		snprintf(why, size, "%s: %s", wanted, strerror(errno));
	} else if (paths_make_dir_of(path, owner, owner == geteuid() ? 0077 : 0067, why,
	    size) != 0) {
		free(path);
		path = NULL;
	}
	free(wanted);
	return path;
}

/*
 * Root's directory may be one that others look into: the socket in it has a mode of its own.  It may be
 * the daemon's: RuntimeDirectory= makes it so.
 */
static int
make_socket_dir(const struct plan *p, char *why, size_t size)
{
	struct paths_env	 env;
	char			*dir;
	int			 rc;

	paths_env_read(&env);
	dir = paths_socket_dir(&env);
	rc = paths_make_dir_of(dir, p->daemon_account.uid, env.uid == 0 ? 0022 : 0077, why,
	    size);
	if (rc == 0 && env.uid == 0 && chmod(dir, 0755) != 0) {
		rc = -errno;
		snprintf(why, size, "%s: cannot be opened to others: %s", dir, strerror(-rc));
	}
	free(dir);
	return rc;
}

/* Where the broker keeps outcomes of groups: workers open it when they start. */
static int
make_groups_dir(const char *state_dir, uid_t owner, char *why, size_t size)
{
	char	*path = mem_printf("%s/groups", state_dir);
	int	 rc = paths_make_dir_of(path, owner, 0027, why, size);

	free(path);
	return rc;
}

static int
open_each(struct plan *p, char *why, size_t size)
{
	int	rc;

	p->listeners = mem_zalloc(p->naddrs, sizeof(*p->listeners));
	for (; p->nlisteners < p->naddrs; p->nlisteners++) {
		struct listener	*l = &p->listeners[p->nlisteners];

		if (activation_count() > 0) {
			l->addr = p->addrs[p->nlisteners];
			activation_listener(p->nlisteners, l);
			continue;
		}
		rc = listen_open(&p->addrs[p->nlisteners], l, why, size);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/*
 * Root's sockets are for the daemon's group, from their first moment; what its members may do is for
 * the rules of access.
 */
static int
open_listeners(struct plan *p, char *why, size_t size)
{
	gid_t	before = getegid();
	int	rc;

	if (geteuid() != 0)
		return open_each(p, why, size);
	if (setegid(p->daemon_account.gid) != 0) {
		rc = -errno;
		snprintf(why, size, "the group of %s cannot be had: %s", p->daemon_account.name,
		    strerror(-rc));
		return rc;
	}
	rc = open_each(p, why, size);
	if (setegid(before) != 0)
		log_fatal("root cannot be of its group again errno=%d", errno);
	return rc;
}

/* The lock first: what follows is for one jobd at a time. */
int
plan_take_state(struct plan *p, const struct options *o, char *why, size_t size)
{
	struct stat	st;

	memset(p, 0, sizeof(*p));
	p->lock.fd = p->children.fd = p->cgroup.dir = -1;
	config_init(&p->config);
	settings_init(&p->settings);
	p->daemon_account.uid = geteuid();
	/* root's daemon may be somebody else, and gets at its next start what is made now */
	if (geteuid() == 0 && o->state_dir != NULL && stat(o->state_dir, &st) == 0)
		p->daemon_account.uid = st.st_uid;
	if ((p->state_dir = open_state_dir(o->state_dir, p->daemon_account.uid, why, size)) == NULL ||
	    lock_take(&p->lock, p->state_dir, why, size) != 0)
		return EXIT_CONFIG;
	return 0;
}

int
plan_open(struct plan *p, const struct options *o, char *why, size_t size)
{
	if ((p->state_dir = open_state_dir(o->state_dir, p->daemon_account.uid, why, size)) == NULL ||
	    lock_take(&p->lock, p->state_dir, why, size) != 0 ||
	    children_open(&p->children, p->state_dir, why, size) != 0 ||
	    credentials_take(p->state_dir, why, size) != 0 ||
	    make_groups_dir(p->state_dir, p->daemon_account.uid, why, size) != 0 ||
	    state_give(p->state_dir, &p->daemon_account, why, size) != 0 ||
	    (p->default_addrs && make_socket_dir(p, why, size) != 0) ||
	    open_listeners(p, why, size) != 0 ||
	    cgroup_open(&p->cgroup, p->cgroup_wanted, why, size) != 0)
		return EXIT_CONFIG;
	return 0;
}

void
plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->nlisteners; i++)
		listen_close(&p->listeners[i]);
	children_close(&p->children);
	cgroup_close(&p->cgroup);
	lock_release(&p->lock);
	free(p->listeners);
	free(p->addrs);
	free(p->state_dir);
	free(p->jobs_dir);
	free(p->cgroup_wanted);
	account_free(&p->daemon_account);
	account_free(&p->jobs_account);
	account_free(&p->worker_account);
	free(p->broker_program);
	free(p->worker_program);
	free(p->exec_program);
	config_fini(&p->config);
	settings_fini(&p->settings);
	tls_files_free(&p->tls);
}
