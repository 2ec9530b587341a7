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
#include "daemon/supervisor/state.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define SYSTEM_TCP	"tcp:127.0.0.1:7433"

/* ---- made from the command line and the file ---- */

static void
apply_log_level(const struct config *c)
{
	enum log_level	level = LOG_LEVEL_INFO;

	log_level_parse(c->log_level, &level);
	log_init("jobd", level);
}

static void
choose_addresses(const struct options *o, struct args *out)
{
	struct paths_env	 env;
	char			*dir;

	for (size_t i = 0; i < o->listen.n; i++)
		args_add(out, o->listen.v[i]);
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

static int
choose_account(const char *key, const char *name, struct account *out, char *why, size_t size)
{
	if (name == NULL || account_find(name, out) != 0) {
		snprintf(why, size, "users.%s: there is no account `%s`; make it (useradd --system "
		    "--user-group --no-create-home --shell /usr/sbin/nologin %s), or let all be root's: "
		    "--set users.daemon=root --set users.jobs=root", key, name == NULL ? "" : name,
		    name == NULL ? "NAME" : name);
		return EXIT_CONFIG;
	}
	return 0;
}

/* Only root can be others than it is. */
static int
choose_accounts(struct plan *p, const struct config *c, char *why, size_t size)
{
	struct account	*w = &p->worker_account;
	const char	*commands = c->users_commands;

	if (geteuid() != 0) {
		account_own(&p->daemon_account);
		account_own(&p->jobs_account);
		account_own(&p->worker_account);
		return 0;
	}
	if (choose_account("daemon", c->users_daemon, &p->daemon_account, why, size) != 0 ||
	    choose_account("jobs", c->users_jobs, w, why, size) != 0 ||
	    choose_account(commands == NULL ? "jobs" : "commands",
	    commands == NULL ? c->users_jobs : commands, &p->jobs_account, why, size) != 0)
		return EXIT_CONFIG;
	w->groups = mem_resize(w->groups, w->ngroups + 1, sizeof(*w->groups));
	w->groups[w->ngroups++] = p->daemon_account.gid;
	return 0;
}

int
plan_make(struct plan *p, const struct options *o, char *why, size_t size)
{
	struct config	c;
	struct args	texts = { 0 };
	int		rc;

	memset(p, 0, sizeof(*p));
	p->lock.fd = p->children.fd = p->cgroup.dir = -1;
	p->default_addrs = o->listen.n == 0 && activation_count() == 0;
	config_init(&c);
	if (activation_count() == 0)
		choose_addresses(o, &texts);
	if ((rc = options_apply(o, &c, &p->settings, why, size)) == 0 &&
	    (rc = check_addresses(p, &texts, why, size)) == 0 &&
	    (rc = choose_accounts(p, &c, why, size)) == 0)
		apply_log_level(&c);
	p->drain_ms = c.drain_ms;
	p->jobs_dir = choose_jobs_dir(&c);
	p->cgroup_wanted = mem_strdup(c.workers_cgroup == NULL ? "auto" : c.workers_cgroup);
	args_free(&texts);
	config_fini(&c);
	return rc;
}

/* Without a directory: as with one that does not exist. */
void
plan_read_catalog(const struct plan *p, struct catalog *out)
{
	catalog_read(out, p->jobs_dir == NULL ? "/nonexistent" : p->jobs_dir, &p->jobs_account,
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

/* Root's directory may be one that others look into: the socket in it has a mode of its own. */
static int
make_socket_dir(char *why, size_t size)
{
	struct paths_env	 env;
	char			*dir;
	int			 rc;

	paths_env_read(&env);
	dir = paths_socket_dir(&env);
	rc = paths_make_dir(dir, env.uid == 0 ? 0022 : 0077, why, size);
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
open_listeners(struct plan *p, char *why, size_t size)
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

/* The lock first: what follows is for one jobd at a time. */
int
plan_take_state(struct plan *p, const struct options *o, char *why, size_t size)
{
	struct stat	st;

	memset(p, 0, sizeof(*p));
	p->lock.fd = p->children.fd = p->cgroup.dir = -1;
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
	    (p->default_addrs && make_socket_dir(why, size) != 0) ||
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
	args_free(&p->settings);
}
