/*
 * supervisor_parts.c - rules of the supervisor's parts: options, paths, sockets, credentials, lock,
 * children.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/supervisor/children.h"
#include "daemon/supervisor/credentials.h"
#include "daemon/supervisor/launch.h"
#include "daemon/supervisor/listen.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/options.h"
#include "daemon/supervisor/paths.h"
#include "daemon/supervisor/sources.h"
#include "daemon/supervisor/respawn.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"

static char	dir[PATH_MAX];
static char	why[1024];

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/jobd-unit-XXXXXX");
	why[0] = '\0';
	umask(0022);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	char	*command = mem_printf("rm -rf %s", dir);
	int	 rc = system(command);

	(void)state;
	free(command);
	return rc;
}

static char *
in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static mode_t
mode_of(const char *path)
{
	struct stat	st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

#define assert_says(text) \
	do { \
		if (strstr(why, (text)) == NULL) \
			fail_msg("\"%s\" does not say \"%s\"", why, (text)); \
	} while (0)

/* ---- options ---- */

/* The words, separated by `|`. */
static int
parse(struct options *o, const char *words)
{
	struct args	 argv = { 0 };
	char		*copy = mem_strdup(words), *save = NULL;
	int		 rc;

	args_add(&argv, "jobd");
	for (char *w = strtok_r(copy, "|", &save); w != NULL; w = strtok_r(NULL, "|", &save))
		args_add(&argv, w);
	rc = options_parse(o, (int)argv.n, argv.v, why, sizeof(why));
	args_free(&argv);
	free(copy);
	return rc;
}

static void
test_options_become_settings_in_their_order(void **state)
{
	struct options	o;

	(void)state;
	assert_int_equal(parse(&o, "-c|/etc/x|--state-dir=/srv/s|--listen|tcp:127.0.0.1:0|--cpu-workers|2|"
	    "--set|queue mail.max_running=4|--io-threads=8|--listen=unix:/x|--check-config"), 0);
	assert_string_equal(o.config_file, "/etc/x");
	assert_string_equal(o.state_dir, "/srv/s");
	assert_int_equal(o.listen.n, 2);
	assert_string_equal(o.listen.v[1], "unix:/x");
	assert_int_equal(o.settings.n, 3);
	assert_string_equal(o.settings.v[0], "workers.cpu=2");
	assert_string_equal(o.settings.v[1], "queue mail.max_running=4");
	assert_string_equal(o.settings.v[2], "workers.io_threads=8");
	assert_true(o.check_config);
	assert_false(o.daemonize || o.help || o.version || o.help_settings);
	options_free(&o);
}

static void
test_bad_options_are_named_with_what_is_allowed(void **state)
{
	static const struct {
		const char	*words;
		int		 code;
		const char	*says;
	} rows[] = {
		{ "--nosuch", EXIT_USAGE, "--nosuch: no such option" },
		{ "--nosuch=1", EXIT_USAGE, "--nosuch=1: no such option" },
		{ "-x", EXIT_USAGE, "-x: no such option" },
		{ "--state-dir", EXIT_USAGE, "--state-dir: a value is wanted" },
		{ "-c", EXIT_USAGE, "-c: a value is wanted" },
		{ "--daemonize=yes", EXIT_USAGE, "--daemonize=yes: takes no value" },
		{ "start", EXIT_USAGE, "`start` is not an option" },
		{ "--state-dir=", EXIT_CONFIG, "--state-dir: the name of a directory" },
		{ "--listen=/run/x", EXIT_CONFIG, "`/run/x` is not an address: unix:PATH" },
		{ "--listen=tcp:::1:80", EXIT_CONFIG, "IPv6 in brackets" },
		{ "--cpu-workers=many", EXIT_CONFIG, "--cpu-workers: workers.cpu: `many` is not a whole number" },
		{ "--io-threads=0", EXIT_CONFIG, "--io-threads: workers.io_threads: `0`" },
		{ "--io-threads=0", EXIT_CONFIG, "from 1 to 1020" },
		{ "--set=jobs.grace_ms", EXIT_CONFIG, "--set: `jobs.grace_ms` is not a setting" },
		{ "--set=jobs.nosuch=1", EXIT_CONFIG, "--set: jobs.nosuch: no such key; [jobs] has" },
	};
	struct options	o;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(parse(&o, rows[i].words), rows[i].code);
		assert_says(rows[i].says);
		options_free(&o);
	}
}

static void
assert_set(const struct settings *s, const char *name, const char *text, const char *origin)
{
	const struct setting	*one = settings_find(s, name);

	assert_non_null(one);
	assert_string_equal(one->text, text);
	if (strstr(one->origin, origin) == NULL)
		fail_msg("%s comes from %s", name, one->origin);
}

static void
test_each_source_wins_over_those_before_it(void **state)
{
	char			*path = in_dir("jobd.conf");
	char			*words = mem_printf("--set|jobs.grace_ms=2s|-c|%s", path);
	char			*env[] = { (char[]){ "JOBD_JOBS__KEEP_FINISHED=8" },
				    (char[]){ "JOBD_JOBS__FACTOR=5" }, (char[]){ "JOBD_HOST=unix:/x" },
				    (char[]){ "JOBS__FACTOR=x" }, NULL };
	struct paths_env	 paths = { .uid = 1000 };
	struct settings		 settings;
	struct config_fault	 fault;
	struct config		 c;
	struct options		 o;

	(void)state;
	write_file(path, "[jobs]\ngrace_ms = 1s\nkeep_finished = 7\nmax_attempts = 4\n", 0600);
	config_init(&c);
	settings_init(&settings);
	assert_int_equal(parse(&o, words), 0);
	assert_int_equal(sources_read(&o, &paths, env, &c, &settings, &fault), 0);
	assert_int_equal(c.grace_ms, 2000);
	assert_int_equal(c.keep_finished, 8);
	assert_int_equal(c.max_attempts, 4);
	assert_set(&settings, "jobs.grace_ms", "jobs.grace_ms=2s", "command line");
	assert_set(&settings, "jobs.keep_finished", "jobs.keep_finished=8",
	    "environment JOBD_JOBS__KEEP_FINISHED");
	assert_set(&settings, "jobs.factor", "jobs.factor=5", "environment JOBD_JOBS__FACTOR");
	assert_set(&settings, "jobs.max_attempts", "jobs.max_attempts=4", "/jobd.conf:4");
	assert_null(settings_find(&settings, "jobs.backoff_ms"));
	write_file(path, "[jobs]\ngrace_ms = soon\n", 0600);
	assert_int_equal(sources_read(&o, &paths, env, &c, &settings, &fault), EXIT_CONFIG);
	assert_int_equal(fault.line, 2);
	assert_string_equal(fault.file, path);
	assert_string_equal(fault.key, "jobs.grace_ms");
	config_fault_print(&fault, why, sizeof(why));
	assert_says("jobd.conf:2: jobs.grace_ms: `soon`");
	settings_fini(&settings);
	config_fini(&c);
	options_free(&o);
	free(words);
	free(path);
}

static void
test_the_usual_file_is_where_the_user_or_systemd_has_it(void **state)
{
	static const struct {
		struct paths_env	 env;
		const char		*path;
	} rows[] = {
		{ { .uid = 0 }, SYSCONFDIR "/jobd/jobd.conf" },
		{ { .uid = 0, .config_home = "/c" }, SYSCONFDIR "/jobd/jobd.conf" },
		{ { .uid = 1000, .config_home = "/c", .home = "/h" }, "/c/jobd/jobd.conf" },
		{ { .uid = 1000, .config_home = "c", .home = "/h" }, "/h/.config/jobd/jobd.conf" },
		{ { .uid = 1000, .config_dir = "/etc/jobd:/x", .home = "/h" }, "/etc/jobd/jobd.conf" },
		{ { .uid = 1000 }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char	*path = paths_config_file(&rows[i].env);

		if (rows[i].path == NULL)
			assert_null(path);
		else
			assert_string_equal(path, rows[i].path);
		free(path);
	}
}

static void
test_help_has_a_line_for_each_option(void **state)
{
	static const char *const	names[] = { "-c, --config=FILE", "--state-dir=DIR", "--listen=ADDR",
	    "--cpu-workers=N", "--io-threads=N", "--set=SECTION.KEY=VALUE", "--check-config", "--daemonize",
	    "-h, --help", "--help-settings", "-V, --version" };
	char	*help = options_help(), *settings = options_help_settings();

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_non_null(strstr(help, names[i]));
	assert_non_null(strstr(settings, "stop.drain_ms=30s"));
	free(help);
	free(settings);
}

/* ---- paths ---- */

/* NULL: there is none. */
static void
assert_path(char *path, const char *want)
{
	if (want == NULL)
		assert_null(path);
	else
		assert_string_equal(path, want);
	free(path);
}

static void
test_default_paths_follow_user_and_environment(void **state)
{
	static const struct {
		struct paths_env	 env;
		const char		*socket_dir, *state_dir, *jobs_dir;
	} rows[] = {
		{ { 7, "/run/user/7", "/x", "/c", NULL, "/home/a", NULL }, "/run/user/7/jobd", "/x/jobd",
		    "/c/jobd/jobs.d" },
		{ { 7, NULL, NULL, NULL, NULL, "/home/a", NULL }, "/tmp/jobd-7",
		    "/home/a/.local/state/jobd", "/home/a/.config/jobd/jobs.d" },
		{ { 7, "", "", "", "", "/home/a", "/t" }, "/t/jobd-7", "/home/a/.local/state/jobd",
		    "/home/a/.config/jobd/jobs.d" },
		{ { 7, "run", "state", "conf", NULL, "/home/a", "t" }, "/tmp/jobd-7",
		    "/home/a/.local/state/jobd", "/home/a/.config/jobd/jobs.d" },
		{ { 7, NULL, NULL, NULL, NULL, NULL, NULL }, "/tmp/jobd-7", NULL, NULL },
	};
	const struct paths_env	root = { 0, "/run/user/0", "/x", "/c", NULL, "/root", "/t" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_path(paths_socket_dir(&rows[i].env), rows[i].socket_dir);
		assert_path(paths_state_dir(&rows[i].env), rows[i].state_dir);
		assert_path(paths_jobs_dir(&rows[i].env), rows[i].jobs_dir);
	}
	assert_path(paths_socket_dir(&root), "/run/jobd");
	assert_path(paths_state_dir(&root), "/var/lib/jobd");
	assert_path(paths_jobs_dir(&root), SYSCONFDIR "/jobd/jobs.d");
}

static void
test_directories_are_made_private_with_their_parents(void **state)
{
	char	*path = in_dir("a/b/c"), *middle = in_dir("a/b");

	(void)state;
	assert_int_equal(paths_make_dir(path, 0077, why, sizeof(why)), 0);
	assert_int_equal(mode_of(path), 0700);
	assert_int_equal(mode_of(middle), 0700);
	assert_int_equal(paths_make_dir(path, 0077, why, sizeof(why)), 0);
	free(path);
	free(middle);
}

static void
test_directories_that_others_reach_are_refused(void **state)
{
	char	*path = in_dir("d"), *link = in_dir("l"), *file = in_dir("f"), *beneath = in_dir("f/x");

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(symlink(path, link), 0);
	write_file(file, "", 0600);
	assert_int_equal(paths_make_dir(link, 0077, why, sizeof(why)), -ENOTDIR);
	assert_int_equal(paths_make_dir(file, 0077, why, sizeof(why)), -ENOTDIR);
	assert_int_equal(paths_make_dir(beneath, 0077, why, sizeof(why)), -ENOTDIR);
	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(paths_make_dir(path, 0077, why, sizeof(why)), -EPERM);
	assert_says("mode 0750, so others can read it");
	assert_int_equal(paths_make_dir(path, 0022, why, sizeof(why)), 0);
	assert_int_equal(chmod(path, 0770), 0);
	assert_int_equal(paths_make_dir(path, 0022, why, sizeof(why)), -EPERM);
	assert_says("others can alter it");
	assert_int_equal(chmod(path, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(paths_make_dir(path, 0077, why, sizeof(why)), -EPERM);
		assert_says("belongs to uid 65534");
	}
	free(path);
	free(link);
	free(file);
	free(beneath);
}

static void
test_programs_are_found_where_the_environment_says(void **state)
{
	char	*path = in_dir("jobd-broker"), *found;

	(void)state;
	setenv("JOBD_LIBEXECDIR", dir, 1);
	assert_null(paths_program("jobd-broker", why, sizeof(why)));
	assert_says(dir);
	write_file(path, "", 0600);
	assert_null(paths_program("jobd-broker", why, sizeof(why)));
	assert_int_equal(chmod(path, 0700), 0);
	found = paths_program("jobd-broker", why, sizeof(why));
	assert_string_equal(found, path);
	unsetenv("JOBD_LIBEXECDIR");
	assert_null(paths_program("jobd-no-such-program", why, sizeof(why)));
	assert_says("installed whole");
	free(found);
	free(path);
}

/* ---- sockets ---- */

static struct addr
address(const char *text)
{
	struct addr	a;

	assert_int_equal(parse_addr(text, &a), 0);
	return a;
}

static struct addr
unix_address(const char *name)
{
	char		*text = mem_printf("unix:%s/%s", dir, name);
	struct addr	 a = address(text);

	free(text);
	return a;
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un	a = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
test_only_loopback_is_listened_at(void **state)
{
	static const struct {
		const char	*addr, *says;
	} rows[] = {
		{ "unix:/run/x", NULL }, { "tcp:127.0.0.1:7433", NULL }, { "tcp:127.255.0.9:0", NULL },
		{ "tcp:[::1]:1", NULL }, { "tcp:localhost:1", NULL },
		{ "tcp:0.0.0.0:7433", "needs TLS: write tls:0.0.0.0:7433" },
		{ "tcp:192.168.1.1:7433", "needs TLS" }, { "tcp:128.0.0.1:1", "needs TLS" },
		{ "tcp:[::]:7433", "needs TLS" }, { "tcp:[fe80::1]:7433", "needs TLS" },
		{ "tcp:[::ffff:127.0.0.1]:1", "needs TLS" },
#ifdef HAVE_OPENSSL
		{ "tls:127.0.0.1:7433", NULL }, { "tls:0.0.0.0:7433", NULL }, { "tls:[::]:1", NULL },
		{ "tls:example.org:1", "names are not looked up" },
#else
		{ "tls:127.0.0.1:7433", "built without TLS" },
#endif
		{ "tcp:example.org:1", "names are not looked up" },
		{ "tcp:127.1:1", "is no numeric address" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr	a = address(rows[i].addr);

		assert_int_equal(listen_check(&a, why, sizeof(why)), rows[i].says == NULL ? 0 : -EINVAL);
		if (rows[i].says != NULL)
			assert_says(rows[i].says);
	}
}

static void
test_unix_socket_is_open_to_owner_and_group_only(void **state)
{
	struct addr	a = unix_address("s");
	struct listener	l;
	char		*path = in_dir("s");
	int		fd;

	(void)state;
	umask(0);
	assert_int_equal(listen_open(&a, &l, why, sizeof(why)), 0);
	assert_int_equal(umask(0), 0);		/* as it was */
	assert_int_equal(mode_of(path), 0660);
	assert_int_equal(fcntl(l.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(strncmp(l.text, "unix:/tmp/", 10), 0);
	assert_true((fd = connect_unix(path)) >= 0);
	close(fd);
	listen_close(&l);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void
test_live_socket_is_left_alone_and_its_owner_named(void **state)
{
	struct addr	a = unix_address("s");
	struct listener	first, second;
	char		*path = in_dir("s"), text[32];
	int		fd;

	(void)state;
	assert_int_equal(listen_open(&a, &first, why, sizeof(why)), 0);
	assert_int_equal(listen_open(&a, &second, why, sizeof(why)), -EADDRINUSE);
	snprintf(text, sizeof(text), "by process %d", (int)getpid());
	assert_says(text);
	assert_true((fd = connect_unix(path)) >= 0);
	close(fd);
	listen_close(&first);
	free(path);
}

static void
test_stale_socket_is_replaced(void **state)
{
	struct addr	a = unix_address("s");
	struct listener	dead, l;
	char		*path = in_dir("s");
	int		fd;

	(void)state;
	assert_int_equal(listen_open(&a, &dead, why, sizeof(why)), 0);
	fd_close(&dead.fd);		/* as a SIGKILL leaves it: the file stays */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(listen_open(&a, &l, why, sizeof(why)), 0);
	assert_true((fd = connect_unix(path)) >= 0);
	close(fd);
	listen_close(&l);
	free(path);
}

static void
test_socket_that_took_our_place_is_not_removed(void **state)
{
	struct addr	a = unix_address("s");
	struct listener	ours, others;
	char		*path = in_dir("s");
	int		fd;

	(void)state;
	assert_int_equal(listen_open(&a, &ours, why, sizeof(why)), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(listen_open(&a, &others, why, sizeof(why)), 0);
	listen_close(&ours);
	assert_true((fd = connect_unix(path)) >= 0);
	close(fd);
	listen_close(&others);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void
test_file_in_the_sockets_place_is_left_alone(void **state)
{
	struct addr	a = unix_address("s"), nowhere = unix_address("no/such/s");
	struct listener	l;
	char		*path = in_dir("s"), *text;

	(void)state;
	write_file(path, "precious", 0600);
	assert_int_equal(listen_open(&a, &l, why, sizeof(why)), -EEXIST);
	assert_says("not a socket");
	text = fd_read_file(path, 100, NULL);
	assert_string_equal(text, "precious");
	assert_int_equal(listen_open(&nowhere, &l, why, sizeof(why)), -ENOENT);
	free(text);
	free(path);
}

static void
test_tcp_tells_the_real_port_and_refuses_a_taken_one(void **state)
{
	struct addr		 any = address("tcp:localhost:0"), taken;
	struct sockaddr_in	 to = { .sin_family = AF_INET };
	struct listener		 l, second;
	char			 text[64];
	int			 fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(listen_open(&any, &l, why, sizeof(why)), 0);
	assert_in_range(l.addr.port, 1, 65535);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", l.addr.port);
	assert_string_equal(l.text, text);
	to.sin_port = htons(l.addr.port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	taken = address(l.text);
	assert_int_equal(listen_open(&taken, &second, why, sizeof(why)), -EADDRINUSE);
	assert_says(text);
	close(fd);
	listen_close(&l);
}

/* ---- credentials ---- */

static void
test_credentials_of_the_service_take_the_place_of_tokens(void **state)
{
	char	*given = in_dir("given"), *from = in_dir("given/client.token");
	char	*to = in_dir("client.token"), *text;

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(credentials_take(dir, why, sizeof(why)), 0);
	assert_int_equal(mkdir(given, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", given, 1);
	assert_int_equal(credentials_take(dir, why, sizeof(why)), 0);
	assert_int_equal(access(to, F_OK), -1);
	write_file(to, "client.old\n", 0600);
	write_file(from, "client.new\n", 0400);
	assert_int_equal(credentials_take(dir, why, sizeof(why)), 0);
	text = fd_read_file(to, 200, NULL);
	assert_string_equal(text, "client.new\n");
	assert_int_equal(mode_of(to), 0600);
	unsetenv("CREDENTIALS_DIRECTORY");
	free(text);
	free(given);
	free(from);
	free(to);
}

/* ---- lock, children, respawn ---- */

static void
test_lock_excludes_and_names_its_holder(void **state)
{
	struct lock	first, second;
	char		*path = in_dir("lock"), text[64];

	(void)state;
	assert_int_equal(lock_take(&first, dir, why, sizeof(why)), 0);
	assert_int_equal(lock_take(&second, dir, why, sizeof(why)), -EWOULDBLOCK);
	snprintf(text, sizeof(text), "in use by the jobd with pid %d", (int)getpid());
	assert_says(text);
	lock_release(&second);		/* not held: the first one's stays */
	assert_int_equal(access(path, F_OK), 0);
	lock_release(&first);
	assert_int_equal(access(path, F_OK), -1);
	write_file(path, "4711\n", 0600);	/* as a SIGKILL leaves it */
	assert_int_equal(lock_take(&first, dir, why, sizeof(why)), 0);
	lock_release(&first);
	free(path);
}

static pid_t
make_sleeper(void)
{
	pid_t	pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void
test_what_a_dead_supervisor_left_is_killed_by_pid_and_start_time(void **state)
{
	struct children		c;
	struct child		left, other;
	const struct child	*both[] = { &left, &other };
	char			*path = in_dir("children");
	int			 status;

	(void)state;
	left.pid = make_sleeper();
	other.pid = make_sleeper();
	left.start = children_start_time(left.pid);
	other.start = children_start_time(other.pid) - 1;	/* that one's pid was taken by another */
	assert_true(left.start > 0);
	assert_int_equal(children_open(&c, dir, why, sizeof(why)), 0);
	children_record(&c, both, 2);
	fd_close(&c.fd);
	free(c.path);
	assert_int_equal(children_open(&c, dir, why, sizeof(why)), 0);
	assert_int_equal(waitpid(left.pid, &status, WNOHANG), left.pid);	/* it has ended already */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(waitpid(other.pid, &status, WNOHANG), 0);
	kill(other.pid, SIGKILL);
	assert_int_equal(waitpid(other.pid, &status, 0), other.pid);
	children_close(&c);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

/* ---- files that somebody else can have written ---- */

static void
spoil_linked(const char *path)
{
	char	*other = in_dir("other");

	assert_int_equal(link(path, other), 0);
	free(other);
}

static void
spoil_writable(const char *path)
{
	assert_int_equal(chmod(path, 0622), 0);
}

static void
spoil_fifo(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

/* Only root can give a file away. */
static void
spoil_owner(const char *path)
{
	assert_int_equal(chown(path, geteuid() == 0 ? 61501 : (uid_t)-1, (gid_t)-1), 0);
	if (geteuid() != 0)
		spoil_writable(path);
}

static void (*const	spoils[])(const char *path) = {
	spoil_linked, spoil_writable, spoil_fifo, spoil_owner,
};

static void
expect_file(const char *path, const char *want)
{
	char	*text = fd_read_file(path, 4096, NULL);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void
test_children_that_another_user_can_have_named_are_not_killed(void **state)
{
	char	*path = in_dir("children"), *other = in_dir("other");
	pid_t	 pid = make_sleeper();
	int	 status;

	(void)state;
	for (size_t i = 0; i < COUNT(spoils); i++) {
		struct children		c;
		struct child		victim = { .pid = pid, .start = children_start_time(pid) };
		const struct child	*one[] = { &victim };
		struct stat		st;
		char			*named;

		assert_int_equal(children_open(&c, dir, why, sizeof(why)), 0);
		children_record(&c, one, 1);
		fd_close(&c.fd);
		free(c.path);
		assert_non_null(named = fd_read_file(path, 4096, NULL));
		spoils[i](path);
		assert_int_equal(children_open(&c, dir, why, sizeof(why)), 0);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		assert_int_equal(lstat(path, &st), 0);		/* one of our own instead */
		assert_true(S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1);
		if (spoils[i] == spoil_linked)
			expect_file(other, named);		/* what is elsewhere is not written */
		children_close(&c);
		unlink(other);
		free(named);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	free(path);
	free(other);
}

static void
test_a_lock_that_another_user_can_have_written_is_replaced_but_excludes(void **state)
{
	char	*path = in_dir("lock"), *other = in_dir("other");

	(void)state;
	for (size_t i = 0; i < COUNT(spoils); i++) {
		struct lock	l, second;
		int		fd;

		write_file(path, "4711\n", 0600);
		spoils[i](path);
		assert_true((fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)) >= 0);
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
		assert_int_equal(lock_take(&l, dir, why, sizeof(why)), -EWOULDBLOCK);
		assert_says("in use by another jobd");		/* whose pid nobody can tell */
		close(fd);
		assert_int_equal(lock_take(&l, dir, why, sizeof(why)), 0);
		assert_int_equal(lock_take(&second, dir, why, sizeof(why)), -EWOULDBLOCK);
		assert_says("in use by the jobd with pid");
		if (spoils[i] == spoil_linked)
			expect_file(other, "4711\n");
		lock_release(&l);
		unlink(other);
	}
	free(path);
	free(other);
}

static void
test_children_of_another_boot_and_garbage_kill_nobody(void **state)
{
	struct children	 c;
	pid_t		 pid = make_sleeper();
	uint64_t	 start = children_start_time(pid);
	char		*path = in_dir("children");
	char		*other_boot = mem_printf("00000000-0000-0000-0000-000000000000\n%d %llu\n", (int)pid,
	    (unsigned long long)start);
	const char	*texts[] = { other_boot, "", "\n\n", "x", "1 1\n-1 0\n" };
	int		 status;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		write_file(path, texts[i], 0600);
		assert_int_equal(children_open(&c, dir, why, sizeof(why)), 0);
		children_close(&c);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	free(other_boot);
	free(path);
}

static void
test_a_program_that_cannot_be_run_is_an_error_not_a_child(void **state)
{
	char		*argv[] = { NULL, NULL }, *path = in_dir("nosuch");
	struct launch	 l = { .program = path, .argv = argv, .cgroup = -1 };
	struct child	 c;

	(void)state;
	argv[0] = path;
	assert_int_equal(launch(&l, &c), -ENOENT);
	write_file(path, "no program", 0600);
	assert_int_equal(launch(&l, &c), -EACCES);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	free(path);
}

static void
test_a_program_gets_no_descriptor_that_was_not_meant_for_it(void **state)
{
	char		 sh[] = "sh", c[] = "-c", script[] = "test -e /proc/self/fd/3 && test ! -e /proc/self/fd/4 "
	    "&& test ! -e /proc/self/fd/60";
	char		*argv[] = { sh, c, script, NULL };
	int		 given = open("/dev/null", O_RDONLY | O_CLOEXEC), status;
	struct launch	 l = { .program = "/bin/sh", .argv = argv, .fds = &given, .nfds = 1,
			     .cgroup = -1 };
	struct child	 child;

	(void)state;
	assert_int_equal(dup2(given, 60), 60);		/* stays open over exec, if nobody closes it */
	assert_int_equal(launch(&l, &child), 0);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(status, 0);
	close(child.pidfd);
	close(given);
	close(60);
}

static void
test_respawn_backs_off_and_forgets_after_a_healthy_time(void **state)
{
	static const int64_t	delays_ms[] = { 0, 10, 50, 250, 1250, 5000, 5000 };
	struct respawn		r = { 0 };
	int64_t			now_ns = 5 * NS_PER_S;

	(void)state;
	respawn_ready(&r, now_ns);
	for (size_t i = 0; i < COUNT(delays_ms); i++) {
		now_ns += NS_PER_S;
		assert_int_equal(respawn_delay_ns(&r, now_ns), delays_ms[i] * NS_PER_MS);
		respawn_ready(&r, now_ns);
	}
	assert_int_equal(respawn_delay_ns(&r, now_ns + 30 * NS_PER_S - 1), 5000 * NS_PER_MS);
	respawn_ready(&r, now_ns);
	assert_int_equal(respawn_delay_ns(&r, now_ns + 30 * NS_PER_S), 0);
	/* one that never got ready is not healthy, however long it took */
	assert_int_equal(respawn_delay_ns(&r, now_ns + 90 * NS_PER_S), 10 * NS_PER_MS);
}

static void
test_respawn_gives_up_only_before_anything_ever_served(void **state)
{
	struct respawn	fresh = { 0 }, proven = { 0 };

	(void)state;
	for (int i = 1; i < RESPAWN_STARTS_MAX; i++)
		assert_true(respawn_delay_ns(&fresh, 0) >= 0);
	assert_int_equal(respawn_delay_ns(&fresh, 0), -1);
	respawn_ready(&proven, 0);
	for (int i = 0; i < 100; i++)
		assert_true(respawn_delay_ns(&proven, 0) >= 0);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_options_become_settings_in_their_order),
		cmocka_unit_test(test_bad_options_are_named_with_what_is_allowed),
		IN_DIR(test_each_source_wins_over_those_before_it),
		cmocka_unit_test(test_the_usual_file_is_where_the_user_or_systemd_has_it),
		cmocka_unit_test(test_help_has_a_line_for_each_option),
		cmocka_unit_test(test_default_paths_follow_user_and_environment),
		IN_DIR(test_directories_are_made_private_with_their_parents),
		IN_DIR(test_directories_that_others_reach_are_refused),
		IN_DIR(test_programs_are_found_where_the_environment_says),
		cmocka_unit_test(test_only_loopback_is_listened_at),
		IN_DIR(test_unix_socket_is_open_to_owner_and_group_only),
		IN_DIR(test_live_socket_is_left_alone_and_its_owner_named),
		IN_DIR(test_stale_socket_is_replaced),
		IN_DIR(test_socket_that_took_our_place_is_not_removed),
		IN_DIR(test_file_in_the_sockets_place_is_left_alone),
		cmocka_unit_test(test_tcp_tells_the_real_port_and_refuses_a_taken_one),
		IN_DIR(test_credentials_of_the_service_take_the_place_of_tokens),
		IN_DIR(test_lock_excludes_and_names_its_holder),
		IN_DIR(test_what_a_dead_supervisor_left_is_killed_by_pid_and_start_time),
		IN_DIR(test_children_that_another_user_can_have_named_are_not_killed),
		IN_DIR(test_a_lock_that_another_user_can_have_written_is_replaced_but_excludes),
		IN_DIR(test_children_of_another_boot_and_garbage_kill_nobody),
		IN_DIR(test_a_program_that_cannot_be_run_is_an_error_not_a_child),
		cmocka_unit_test(test_a_program_gets_no_descriptor_that_was_not_meant_for_it),
		cmocka_unit_test(test_respawn_backs_off_and_forgets_after_a_healthy_time),
		cmocka_unit_test(test_respawn_gives_up_only_before_anything_ever_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
