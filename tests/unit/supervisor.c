/*
 * supervisor.c - the real jobd with a broker that obeys this test: starts, deaths, signals, ends.
 *
 * Waits for events only; PATIENCE_MS is how long a broken jobd may keep us.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/supervisor/args.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#ifdef HAVE_OPENSSL
#define TLS_WORDS	"tls:127.0.0.1:7433: needs tls.certificate and tls.key"
#else
#define TLS_WORDS	"tls:127.0.0.1:7433: this jobd was built without TLS"
#endif
#define PATIENCE_MS	20000

static char	dir[PATH_MAX];		/* this test's own */
static char	build[PATH_MAX];
static pid_t	jobd;			/* 0: none */
static const char *last_answer = "";
static int	jobd_fd = -1, out = -1, client = -1;

/* ---- the world ---- */

static char *
in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static bool
exists(const char *name)
{
	char		*path = in_dir(name);
	struct stat	 st;
	bool		 there = lstat(path, &st) == 0;

	free(path);
	return there;
}

static bool
log_has(const char *text)
{
	char	*path = in_dir("log"), *log = fd_read_file(path, 1 << 20, NULL);
	bool	 has = log != NULL && strstr(log, text) != NULL;

	free(path);
	free(log);
	return has;
}

/* What a process logs may come after what it answers. */
static void
await_log(const char *text)
{
	struct timespec	moment = { .tv_nsec = 5000000 };

	for (int i = 0; !log_has(text); i++) {
		if (i == PATIENCE_MS / 5)
			fail_msg("the log never says %s", text);
		nanosleep(&moment, NULL);
	}
}

static int
log_count(const char *text)
{
	char	*path = in_dir("log"), *log = fd_read_file(path, 1 << 20, NULL);
	int	 n = 0;

	for (char *at = log; (at = strstr(at, text)) != NULL; at++)
		n++;
	free(path);
	free(log);
	return n;
}

static void
make_link(const char *target, const char *name)
{
	char	*from = mem_printf("%s/%s", build, target), *to = in_dir(name);

	assert_int_equal(symlink(from, to), 0);
	free(from);
	free(to);
}

static int
set_up(void **state)
{
	char	*path;

	(void)state;
	strcpy(dir, "/tmp/jobd-unit-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	path = in_dir("libexec");
	mkdir(path, 0700);
	setenv("JOBD_LIBEXECDIR", path, 1);
	unsetenv("FAKE_BROKER");
	free(path);
	make_link("tests/unit/fake_broker", "libexec/jobd-broker");
	make_link("tests/unit/fake_broker", "libexec/jobd-worker");
	make_link("tests/unit/fake_broker", "libexec/jobd-exec");
	return 0;
}

/* ---- jobd ---- */

/* Between fork and exec: a careless starter, who leaves a file open and SIGCHLD ignored. */
static _Noreturn void
exec_jobd(char *const *argv, int out_fd)
{
	char	*log = in_dir("log"), *program = mem_printf("%s/jobd", build);
	int	 log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	dup2(out_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	open("/etc/hostname", O_RDONLY);
	signal(SIGCHLD, SIG_IGN);
	execv(program, argv);
	_exit(127);
}

/* The accounts that root's jobd would be need not be there. */
static void
add_roots(struct args *argv)
{
	if (geteuid() != 0)
		return;
	args_add(argv, "--set=users.daemon=root");
	args_add(argv, "--set=users.jobs=root");
}

/* jobd with these words, in the background; its stdout is `out`. */
static void
spawn_jobd(struct args *argv)
{
	int	pair[2];

	add_roots(argv);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_true((jobd = fork()) >= 0);
	if (jobd == 0)
		exec_jobd(argv->v, pair[1]);
	jobd_fd = pidfd_open(jobd, 0);
	close(pair[1]);
	out = pair[0];
	args_free(argv);
}

/* With its usual sockets and state, and these words, which NULL ends. */
static void
start_jobd(const char *first, ...)
{
	struct args	argv = { 0 };
	va_list		ap;

	args_add(&argv, "jobd");
	args_addf(&argv, "--state-dir=%s/state", dir);
	args_addf(&argv, "--listen=unix:%s/sock", dir);
	args_add(&argv, "--listen=tcp:127.0.0.1:0");
	va_start(ap, first);
	for (const char *word = first; word != NULL; word = va_arg(ap, const char *))
		args_add(&argv, word);
	va_end(ap);
	spawn_jobd(&argv);
}

static bool
readable(int fd)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* Its next line on stdout; "" at the end. */
static const char *
read_line(int fd)
{
	static char	line[4096];
	size_t		n = 0;

	while (n < sizeof(line) - 1) {
		if (!readable(fd))
			fail_msg("nothing to read after \"%.*s\"", (int)n, line);
		if (read(fd, line + n, 1) != 1 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return line;
}

static int
exit_code(void)
{
	int	status;

	if (!readable(jobd_fd))
		fail_msg("jobd does not end");
	assert_int_equal(waitpid(jobd, &status, 0), jobd);
	jobd = 0;
	fd_close(&jobd_fd);
	fd_close(&out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
start_ready_jobd(const char *setting)
{
	const char	*line;
	char		*expected = mem_printf("ready unix:%s/sock tcp:127.0.0.1:", dir);
	unsigned	 port = 0;

	start_jobd(setting == NULL ? NULL : "--set", setting, NULL);
	line = read_line(out);
	if (strncmp(line, expected, strlen(expected)) != 0)
		fail_msg("not the ready line: %s", line);
	assert_int_equal(sscanf(line + strlen(expected), "%u", &port), 1);
	assert_in_range(port, 1, 65535);
	free(expected);
}

/* One in the background that a failed test has left. */
static void
kill_daemon(void)
{
	char	*path = in_dir("state/lock"), *pid = fd_read_file(path, 32, NULL);

	if (pid != NULL && atoi(pid) > 1)
		kill(atoi(pid), SIGKILL);
	free(pid);
	free(path);
}

static int
tear_down(void **state)
{
	char	*command = mem_printf("rm -rf %s", dir);

	(void)state;
	if (jobd != 0) {
		kill(jobd, SIGKILL);
		exit_code();
	} else {
		kill_daemon();
	}
	fd_close(&client);
	if (system(command) != 0)
		return -1;
	free(command);
	return 0;
}

/* ---- the broker ---- */

static void
connect_client(void)
{
	struct sockaddr_un	a = { .sun_family = AF_UNIX };

	fd_close(&client);
	snprintf(a.sun_path, sizeof(a.sun_path), "%.90s/sock", dir);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
}

static const char *
ask(const char *line)
{
	assert_int_equal(fd_write_all(client, line, strlen(line)), 0);
	last_answer = read_line(client);
	return last_answer;
}

/* A descriptor of the process that the answer begins with. */
static int
ask_for_process(const char *line)
{
	const char	*answer = ask(line);
	int		 fd = pidfd_open(atoi(answer), 0);

	if (fd < 0)
		fail_msg("%s: %s", line, answer);
	return fd;
}

static bool
is_alive(int pidfd)
{
	struct pollfd	p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* What add_roots adds to the settings, as a child sees it. */
static const char *
roots(void)
{
	return geteuid() == 0 ? "|--set|users.daemon=root|--set|users.jobs=root" : "";
}

/* ---- tests ---- */

static void
test_broker_gets_its_arguments_and_descriptors_and_no_others(void **state)
{
	char	*expected;

	(void)state;
	start_ready_jobd("queue mail.max_running=4");
	connect_client();
	expected = mem_printf("jobd-broker|--control=3|--listeners=2|--state-dir=%s/state", dir);
	assert_string_equal(ask("argv"), expected);
	free(expected);
	expected = mem_printf("net.listen=unix:%s/sock tcp:127.0.0.1:0 (command line)|", dir);
	assert_non_null(strstr(ask("settings mail"), "queue mail.max_running=4 (command line)|"));
	assert_non_null(strstr(ask("settings mail"), expected));
	free(expected);
	assert_string_equal(ask("fds"), "0,1,2,3,4,5");
}

/* exec_jobd leaves it /etc/hostname. */
static void
test_what_the_starter_forgot_to_close_is_closed(void **state)
{
	char	path[64], target[PATH_MAX];

	(void)state;
	start_ready_jobd(NULL);
	for (int fd = 3; fd < 64; fd++) {
		ssize_t	n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)jobd, fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		assert_string_not_equal(target, "/etc/hostname");
	}
}

static void
test_worker_starts_with_clean_descriptors_and_signals(void **state)
{
	const char	*answer;
	char		*expected;

	(void)state;
	start_ready_jobd("workers.cpu=3");
	connect_client();
	answer = ask("start cpu cpu-1");
	assert_non_null(strstr(answer, " jobd-worker|--lane=cpu|--name=cpu-1|--outcomes=/"));
	expected = mem_printf("/groups|--set|workers.cpu=3%s fds=0,1,2,3,4,5 death=9 signals=0 leader=1",
	    roots());
	assert_non_null(strstr(answer, expected));
	free(expected);
	answer = ask("start io io-1");
	assert_non_null(strstr(answer, " jobd-worker|--lane=io|--name=io-1|--outcomes=/"));
	expected = mem_printf("/groups|--set|workers.cpu=3%s fds=0,1,2,3,4,5,6 death=9 signals=0 "
	    "leader=1", roots());
	assert_non_null(strstr(answer, expected));
	free(expected);
}

static void
test_workers_end_is_told_with_its_status(void **state)
{
	char	expected[64];
	int	pid;

	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	ask("start cpu cpu-1");
	pid = atoi(ask("start cpu cpu-2"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	snprintf(expected, sizeof(expected), "%d %d 2 cpu-2", pid, SIGKILL);
	assert_string_equal(ask("exited"), expected);
}

static void
test_worker_that_cannot_start_is_an_answer(void **state)
{
	char	expected[64];

	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	snprintf(expected, sizeof(expected), "1 %d", -EINVAL);
	assert_string_equal(ask("misstart"), expected);
	await_log("worker not started");
}

static void
test_no_answer_is_lost_when_the_broker_does_not_read(void **state)
{
	char	expected[64];

	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	snprintf(expected, sizeof(expected), "5000 %d", -EINVAL);
	assert_string_equal(ask("flood 5000"), expected);
}

static void
test_brokers_death_ends_its_workers_and_another_serves(void **state)
{
	int	broker, worker, next;

	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	broker = ask_for_process("pid");
	worker = ask_for_process("start cpu cpu-1");
	pidfd_send_signal(broker, SIGKILL, NULL, 0);
	connect_client();		/* never refused: the supervisor has the listener */
	next = ask_for_process("pid");
	assert_false(is_alive(broker));
	assert_false(is_alive(worker));		/* it ended before the next broker began */
	assert_true(is_alive(next));
	close(broker);
	close(worker);
	close(next);
	kill(jobd, SIGTERM);
	assert_string_equal(read_line(out), "");	/* one ready line only */
	assert_int_equal(exit_code(), 0);
}

static void
test_broken_message_ends_the_broker(void **state)
{
	int	broker;

	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	broker = ask_for_process("pid");
	ask("garbage");
	assert_true(readable(broker));
	close(broker);
	connect_client();
	assert_true(atoi(ask("pid")) > 0);
}

static void
test_sigterm_drains_and_leaves_nothing_that_runs(void **state)
{
	int	broker, worker;

	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	broker = ask_for_process("pid");
	worker = ask_for_process("start cpu cpu-1");
	assert_true(exists("sock") && exists("state/lock") && exists("state/children"));
	kill(jobd, SIGTERM);
	assert_int_equal(exit_code(), 0);
	assert_false(is_alive(broker) || is_alive(worker));
	assert_false(exists("sock") || exists("state/lock") || exists("state/children"));
	close(broker);
	close(worker);
}

static void
test_second_sigterm_stops_a_broker_that_drains(void **state)
{
	(void)state;
	setenv("FAKE_BROKER", "deaf", 1);
	start_ready_jobd("stop.drain_ms=1h");
	kill(jobd, SIGTERM);
	while (!log_has("drains"))
		poll(NULL, 0, 1);
	kill(jobd, SIGINT);
	assert_int_equal(exit_code(), 0);
}

static void
test_broker_that_hears_nothing_is_killed_in_the_end(void **state)
{
	int	broker;

	(void)state;
	setenv("FAKE_BROKER", "stubborn", 1);
	start_ready_jobd("stop.drain_ms=1h");
	connect_client();
	broker = ask_for_process("pid");
	kill(jobd, SIGTERM);
	while (!log_has("drains"))
		poll(NULL, 0, 1);
	kill(jobd, SIGTERM);
	while (!log_has("stops at once"))
		poll(NULL, 0, 1);
	kill(jobd, SIGTERM);
	assert_int_equal(exit_code(), 70);
	assert_false(is_alive(broker));
	close(broker);
}

static void
test_drain_has_a_deadline_of_the_supervisors_own(void **state)
{
	(void)state;
	setenv("FAKE_BROKER", "stubborn", 1);
	start_ready_jobd("stop.drain_ms=0");
	kill(jobd, SIGTERM);
	assert_int_equal(exit_code(), 70);
	await_log("takes too long");
}

static void
test_sighup_is_passed_on(void **state)
{
	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	kill(jobd, SIGHUP);
	assert_string_equal(ask("reloads"), "1");
}

/* ---- the configuration ---- */

static void
write_config(const char *text)
{
	char	*path = in_dir("jobd.conf");
	int	 fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
	free(path);
}

static void
start_with_config(const char *text)
{
	char		*path = in_dir("jobd.conf");

	write_config(text);
	start_jobd("-c", path, NULL);
	assert_non_null(strstr(read_line(out), "ready unix:"));
	connect_client();
	free(path);
}

static void
test_a_reload_takes_what_the_broker_takes(void **state)
{
	const char	*answer;

	(void)state;
	start_with_config("[jobs]\nfactor = 3\n");
	assert_non_null(strstr(ask("settings factor=3"), "jobd.conf:2)|"));
	write_config("[jobs]\ngrace_ms = 1s\nfactor = 4\n[workers]\ncpu = 3\n");
	kill(jobd, SIGHUP);
	assert_non_null(strstr(ask("settings factor=4"), "jobs.grace_ms=1s ("));
	await_log("configuration reloaded");
	answer = ask("start cpu cpu-1");	/* workers are given it, too */
	assert_non_null(strstr(answer, "--set|jobs.factor=4|--set|workers.cpu=3"));
}

static void
test_what_the_broker_refuses_is_not_in_force(void **state)
{
	int	broker;

	(void)state;
	start_with_config("[jobs]\nfactor = 3\n");
	write_config("[jobs]\nfactor = 7\n");
	kill(jobd, SIGHUP);
	ask("settings factor=7");
	await_log("the old one stays: the broker does not like 7");
	broker = ask_for_process("pid");
	pidfd_send_signal(broker, SIGKILL, NULL, 0);
	assert_true(readable(broker));
	close(broker);
	connect_client();
	ask("settings factor=3");
}

static void
test_a_wrong_file_is_told_and_changes_nothing(void **state)
{
	const char	*answer;

	(void)state;
	start_with_config("[jobs]\nfactor = 3\n");
	write_config("[jobs]\nfactor = 4\ngrace_ms = soon\n");
	kill(jobd, SIGHUP);
	answer = ask("settings soon");
	assert_non_null(strstr(answer, "jobd.conf:3: jobs.grace_ms: `soon` is not a duration"));
	assert_non_null(strstr(answer, "jobd.conf\",\"line\":3,\"key\":\"jobs.grace_ms\"}"));
	await_log("configuration not reloaded, the old one stays: ");
	assert_non_null(strstr(ask("start cpu cpu-1"), "--set|jobs.factor=3"));
}

/* An address and an account are tried as by a start. */
static void
test_what_the_next_start_could_not_use_is_refused(void **state)
{
	(void)state;
	start_with_config("[jobs]\nfactor = 3\n");
	if (geteuid() == 0) {
		write_config("[users]\ncommands = nobody.there\n");
		kill(jobd, SIGHUP);
		assert_non_null(strstr(ask("settings nobody.there"),
		    "jobd.conf:2: users.commands: there is no account `nobody.there`"));
	}
	write_config("[jobs]\nfactor = 4\n[log]\nlevel = loud\n");
	kill(jobd, SIGHUP);
	assert_non_null(strstr(ask("settings loud"), "jobd.conf:4: log.level: `loud`"));
}

/* ---- types ---- */

static void
write_job(const char *name, const char *text, mode_t mode)
{
	char	*dir_path = in_dir("jobs.d"), *path = mem_printf("%s/%s", dir_path, name);
	int	 fd;

	mkdir(dir_path, 0700);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	free(path);
	free(dir_path);
}

static void
start_with_jobs(void)
{
	char	*setting = mem_printf("jobs.dir=%s/jobs.d", dir);

	start_ready_jobd(setting);
	connect_client();
	free(setting);
}

static void
test_each_broker_is_told_the_types_and_again_after_sighup(void **state)
{
	int	broker;

	(void)state;
	start_with_jobs();
	assert_string_equal(ask("catalog 1"), "1 {\"commands\":[],\"pools\":[],\"errors\":[]}");
	write_job("hello.job", "argv = [\"echo\"]\n", 0600);
	write_job("pics.worker", "worker = [\"/bin/cat\"]\ntypes = resize\n", 0600);
	write_job(".hidden.job", "what?\n", 0600);
	write_job("notes.job~", "what?\n", 0600);
	kill(jobd, SIGHUP);
	assert_non_null(strstr(ask("catalog 2"), "2 {\"commands\":[{\"name\":\"hello\","));
	assert_non_null(strstr(ask("catalog 2"), "\"pools\":[{\"name\":\"pics\","));
	assert_non_null(strstr(ask("catalog 2"), "\"errors\":[]}"));
	assert_null(strstr(ask("catalog 2"), "NOT SEALED"));
	assert_string_equal(ask("reloads"), "1");

	broker = ask_for_process("pid");
	pidfd_send_signal(broker, SIGKILL, NULL, 0);
	assert_true(readable(broker));
	close(broker);
	connect_client();
	assert_non_null(strstr(ask("catalog 1"), "1 {\"commands\":[{\"name\":\"hello\","));
}

static void
test_a_wrong_file_is_left_out_and_named_and_the_rest_serves(void **state)
{
	const char	*answer;

	(void)state;
	write_job("good.job", "argv = [\"echo\"]\n", 0600);
	write_job("Bad.job", "argv = [\"echo\"]\n", 0600);
	write_job("line.job", "argv = [\"echo\"]\nnice = 99\n", 0600);
	write_job("open.job", "argv = [\"echo\"]\n", 0620);
	write_job("command.job", "argv = [\"echo\"]\n", 0600);
	write_job("zz.worker", "worker = [\"cat\"]\ntypes = other good\n", 0600);
	write_job("user.job", "argv = [\"echo\"]\nuser = nobody-at-all\n", 0600);
	start_with_jobs();
	answer = ask("catalog 1");
	assert_non_null(strstr(answer, "\"commands\":[{\"name\":\"good\","));
	assert_null(strstr(answer, "},{\"name\""));
	assert_non_null(strstr(answer, "\"pools\":[]"));
	assert_non_null(strstr(answer, "/jobs.d/line.job\",\"line\":2,\"key\":\"nice\","
	    "\"message\":\"`99` is not from -20 to 19\"}"));
	await_log("type left out: ");
	await_log("/jobs.d/Bad.job: a file is called NAME.job");
	await_log("/jobs.d/line.job:2: nice `99` is not from -20 to 19");
	await_log("/jobs.d/open.job: can be written by others (mode 0620)");
	await_log("/jobs.d/command.job: the type `command` is jobd's own");
	await_log("/jobs.d/zz.worker:2: types the type `good` is in ");
	await_log("/jobs.d/user.job: user there is no account `nobody-at-all`");
}

static void
test_a_directory_that_others_can_write_is_not_read(void **state)
{
	char	*path = in_dir("jobs.d");

	(void)state;
	write_job("good.job", "argv = [\"echo\"]\n", 0600);
	assert_int_equal(chmod(path, 0777), 0);
	start_with_jobs();
	assert_non_null(strstr(ask("catalog 1"), "\"commands\":[],"));
	await_log("jobs.d: can be written by others (mode 0777)");
	free(path);
}

/* ---- workers of pools ---- */

static void
test_program_of_a_pool_gets_its_descriptors_and_an_environment_of_its_own(void **state)
{
	const char	*answer;

	(void)state;
	write_job("env.worker", "worker = [\"sh\", \"-c\",\n \"cat /proc/$$/environ && exec sleep 1000\"]\n"
	    "types = a\n[env]\nA = b c\nHOME = /srv\n", 0600);
	write_job("fds.worker", "worker = [\"sh\", \"-c\",\n \"ls /proc/$$/fd && exec sleep 1000\"]\n"
	    "types = b\ncwd = /usr\n", 0600);
	write_job("cwd.worker", "worker = [\"sh\", \"-c\", \"pwd && exec sleep 1000\"]\n"
	    "types = c\ncwd = /usr\n", 0600);
	start_with_jobs();
	answer = ask("start language env-1 env");
	assert_non_null(strstr(answer, " A=b c|HOME=/srv|PATH=/usr/local/bin:/usr/bin:/bin|LANG=C.UTF-8|"
	    "JOBD_FD=3|JOBD_POOL=env|JOBD_WORKER=env-1|"));
	answer = ask("start language fds-1 fds");
	assert_string_equal(strchr(answer, ' '), " 0|1|2|3|");
	answer = ask("start language cwd-1 cwd");
	assert_string_equal(strchr(answer, ' '), " /usr|");
}

static void
test_nothing_is_started_that_no_file_names(void **state)
{
	(void)state;
	start_with_jobs();
	assert_non_null(strstr(ask("start language x-1 nosuch"), "pid=-2 nfds=0"));
	assert_non_null(strstr(ask("start exec exec-1 daemon"), "pid=-1 nfds=0"));
	assert_non_null(strstr(ask("start exec exec-1"), " jobd-exec|--lane=exec|"));
}

static void
test_what_a_dead_worker_has_left_is_gone_when_its_end_is_told(void **state)
{
	int	worker, left, other, kept;

	(void)state;
	write_job("nest.worker", "worker = [\"sh\", \"-c\",\n"
	    " \"setsid sleep 1000 & echo $! && exec sleep 1001\"]\ntypes = a\n", 0600);
	start_with_jobs();
	other = ask_for_process("start language other-1 nest");
	kept = pidfd_open(atoi(strchr(last_answer, ' ')), 0);
	worker = ask_for_process("start language nest-1 nest");
	left = pidfd_open(atoi(strchr(last_answer, ' ')), 0);
	assert_true(kept >= 0 && left >= 0);
	pidfd_send_signal(worker, SIGKILL, NULL, 0);
	assert_non_null(strstr(ask("exited"), " nest-1"));
	assert_false(is_alive(left));
	assert_true(is_alive(kept) && is_alive(other));
	pidfd_send_signal(kept, SIGKILL, NULL, 0);	/* it outlives the jobd that tear_down kills */
	close(worker);
	close(left);
	close(other);
	close(kept);
}

static void
test_check_config_reads_the_types_too(void **state)
{
	char	*setting = mem_printf("jobs.dir=%s/jobs.d", dir);

	(void)state;
	write_job("good.job", "argv = [\"echo\"]\n", 0600);
	start_jobd("--check-config", "--set", setting, NULL);
	assert_int_equal(exit_code(), 0);
	write_job("line.job", "argv = [\"echo\"]\nnice = 99\n", 0600);
	write_job("other.job", "argv = echo\n", 0600);
	start_jobd("--check-config", "--set", setting, NULL);
	assert_int_equal(exit_code(), 78);
	await_log("/jobs.d/line.job:2: nice `99` is not from -20 to 19");
	await_log("/jobs.d/other.job:1: argv must be a JSON array of strings");
	free(setting);
}

static void
test_supervisors_death_leaves_no_process_and_the_next_start_works(void **state)
{
	int	broker, worker;

	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	broker = ask_for_process("pid");
	worker = ask_for_process("start io io-1");
	kill(jobd, SIGKILL);
	assert_int_equal(exit_code(), 128 + SIGKILL);
	assert_true(readable(broker));
	assert_true(readable(worker));
	close(broker);
	close(worker);
	assert_true(exists("sock") && exists("state/lock"));
	start_ready_jobd(NULL);
}

static void
test_brokers_that_never_serve_end_jobd(void **state)
{
	(void)state;
	setenv("FAKE_BROKER", "die", 1);
	start_jobd(NULL);
	assert_int_equal(exit_code(), 70);
	assert_int_equal(log_count("exit=3"), 5);
	await_log("gives up");
	assert_false(exists("sock"));
}

static void
test_broker_that_says_why_it_fails_is_not_started_again(void **state)
{
	(void)state;
	setenv("FAKE_BROKER", "fail", 1);
	start_jobd(NULL);
	assert_int_equal(exit_code(), 70);
	await_log("the store is on fire");
	assert_int_equal(log_count("broker started"), 1);
}

static void
test_failure_of_a_later_broker_is_a_death_like_any_other(void **state)
{
	(void)state;
	start_ready_jobd(NULL);
	connect_client();
	ask("fail");
	connect_client();
	assert_true(atoi(ask("pid")) > 0);
	await_log("the store is on fire");
}

static void
test_brokers_refusal_of_the_configuration_is_jobds(void **state)
{
	(void)state;
	setenv("FAKE_BROKER", "config", 1);
	start_jobd(NULL);
	assert_int_equal(exit_code(), 78);
	assert_int_equal(log_count("broker started"), 1);
}

/* Runs another jobd beside the one of the test; its exit code. */
static int
run_second(const char *state_name, const char *addr)
{
	struct args	argv = { 0 };
	int		status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t		pid;

	args_add(&argv, "jobd");
	args_addf(&argv, "--state-dir=%s/%s", dir, state_name);
	args_addf(&argv, "--listen=%s", addr);
	add_roots(&argv);
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		exec_jobd(argv.v, null);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(null);
	args_free(&argv);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_second_jobd_is_told_who_is_there(void **state)
{
	char	*addr = mem_printf("unix:%s/other", dir), *same = mem_printf("unix:%s/sock", dir), text[64];

	(void)state;
	start_ready_jobd(NULL);
	assert_int_equal(run_second("state", addr), 78);
	snprintf(text, sizeof(text), "in use by the jobd with pid %d", (int)jobd);
	await_log(text);
	assert_false(exists("other"));
	assert_int_equal(run_second("state-2", same), 78);
	snprintf(text, sizeof(text), "is served already, by process %d", (int)jobd);
	await_log(text);
	connect_client();		/* the first one was not disturbed */
	assert_true(atoi(ask("pid")) > 0);
	free(addr);
	free(same);
}

static void
test_daemonize_returns_when_jobd_serves(void **state)
{
	char	*path = in_dir("state/lock"), *pid;
	int	 daemon;

	(void)state;
	start_jobd("--daemonize", NULL);
	assert_int_equal(strncmp(read_line(out), "ready unix:", 11), 0);
	assert_string_equal(read_line(out), "");	/* and lets go of stdout */
	assert_int_equal(exit_code(), 0);
	connect_client();
	assert_true(atoi(ask("pid")) > 0);
	pid = fd_read_file(path, 32, NULL);
	assert_non_null(pid);
	daemon = pidfd_open(atoi(pid), 0);
	assert_true(daemon >= 0);
	pidfd_send_signal(daemon, SIGTERM, NULL, 0);
	assert_true(readable(daemon));
	close(daemon);
	free(pid);
	free(path);
}

static void
test_daemonize_fails_as_jobd_does(void **state)
{
	(void)state;
	setenv("FAKE_BROKER", "fail", 1);
	start_jobd("--daemonize", NULL);
	assert_int_equal(exit_code(), 70);
}

static void
test_bad_start_is_refused_with_its_exit_code(void **state)
{
	static const struct {
		const char	*words[3];
		int		 code;
		const char	*says;
	} rows[] = {
		{ { "--set", "jobs.grace_ms=x" }, 78, "--set: jobs.grace_ms: `x` is not a duration" },
		{ { "--listen", "tcp:0.0.0.0:7433" }, 78, "needs TLS: write tls:0.0.0.0:7433" },
		{ { "--listen", "tls:127.0.0.1:7433" }, 78, TLS_WORDS },
		{ { "-c", "/nosuch" }, 78, "/nosuch: cannot be read" },
		{ { "--nosuch" }, 64, "--nosuch: no such option" },
		{ { "--check-config" }, 0, "" },
		{ { "--state-dir", "/etc/hostname" }, 78, "/etc/hostname: is not a directory" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		start_jobd(rows[i].words[0], rows[i].words[1], NULL);
		assert_int_equal(exit_code(), rows[i].code);
		if (!log_has(rows[i].says))
			fail_msg("row %zu is not explained", i);
		assert_false(exists("state"));
	}
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		ROW(test_broker_gets_its_arguments_and_descriptors_and_no_others),
		ROW(test_what_the_starter_forgot_to_close_is_closed),
		ROW(test_worker_starts_with_clean_descriptors_and_signals),
		ROW(test_workers_end_is_told_with_its_status),
		ROW(test_worker_that_cannot_start_is_an_answer),
		ROW(test_no_answer_is_lost_when_the_broker_does_not_read),
		ROW(test_brokers_death_ends_its_workers_and_another_serves),
		ROW(test_broken_message_ends_the_broker),
		ROW(test_sigterm_drains_and_leaves_nothing_that_runs),
		ROW(test_second_sigterm_stops_a_broker_that_drains),
		ROW(test_broker_that_hears_nothing_is_killed_in_the_end),
		ROW(test_drain_has_a_deadline_of_the_supervisors_own),
		ROW(test_sighup_is_passed_on),
		ROW(test_a_reload_takes_what_the_broker_takes),
		ROW(test_what_the_broker_refuses_is_not_in_force),
		ROW(test_a_wrong_file_is_told_and_changes_nothing),
		ROW(test_what_the_next_start_could_not_use_is_refused),
		ROW(test_each_broker_is_told_the_types_and_again_after_sighup),
		ROW(test_a_wrong_file_is_left_out_and_named_and_the_rest_serves),
		ROW(test_a_directory_that_others_can_write_is_not_read),
		ROW(test_program_of_a_pool_gets_its_descriptors_and_an_environment_of_its_own),
		ROW(test_nothing_is_started_that_no_file_names),
		ROW(test_what_a_dead_worker_has_left_is_gone_when_its_end_is_told),
		ROW(test_check_config_reads_the_types_too),
		ROW(test_supervisors_death_leaves_no_process_and_the_next_start_works),
		ROW(test_brokers_that_never_serve_end_jobd),
		ROW(test_broker_that_says_why_it_fails_is_not_started_again),
		ROW(test_failure_of_a_later_broker_is_a_death_like_any_other),
		ROW(test_brokers_refusal_of_the_configuration_is_jobds),
		ROW(test_second_jobd_is_told_who_is_there),
		ROW(test_daemonize_returns_when_jobd_serves),
		ROW(test_daemonize_fails_as_jobd_does),
		ROW(test_bad_start_is_refused_with_its_exit_code),
	};

	/* this program is tests/unit/supervisor.t beneath the build directory */
	if (realpath("/proc/self/exe", build) == NULL)
		return 1;
	for (int i = 0; i < 3; i++)
		*strrchr(build, '/') = '\0';
	return cmocka_run_group_tests(tests, NULL, NULL);
}
