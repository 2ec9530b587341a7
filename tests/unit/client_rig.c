/* client_rig.c - jobctl against a scripted daemon.  Runs in: unit tests. */
#include "tests/unit/client_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

#define PATIENCE_S	60

char		rig_address[80];
int		rig_listener = -1;
pid_t		rig_daemon;
struct run	last;

static char	socket_path[64];
static bool	quiet;
static int	told[2] = { -1, -1 };

/* ---- the daemon ---- */

void
rig_must(bool ok, const char *what, const char *line)
{
	if (ok)
		return;
	if (!quiet)
		fprintf(stderr, "the fake daemon wanted %s and got %s\n", what, line);
	_exit(99);
}

bool
rig_read_line(int fd, char *line, size_t size)
{
	size_t	n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return n > 0;
}

void
rig_say(int fd, const char *text)
{
	rig_must(fd_write_all(fd, text, strlen(text)) == 0, "to be heard", "a closed connection");
}

int
rig_accept(void)
{
	alarm(PATIENCE_S);
	signal(SIGPIPE, SIG_IGN);
	return accept(rig_listener, NULL, NULL);
}

static char	line[1 << 20];

static void
hear_hello(int fd)
{
	rig_must(rig_read_line(fd, line, sizeof(line)) && strstr(line, "\"hello\"") != NULL,
	    "hello", line);
	rig_say(fd, HELLO);
}

static void
play_step(const struct step *s, int *fd)
{
	if (strcmp(s->expect, RIG_ANEW) == 0) {
		fd_close(fd);
		*fd = rig_accept();
		hear_hello(*fd);
		return;
	}
	if (strcmp(s->expect, RIG_STAY) == 0) {
		while (read(*fd, line, sizeof(line)) > 0)
			;
		return;
	}
	rig_must(rig_read_line(*fd, line, sizeof(line)), s->expect, "the end");
	rig_must(strstr(line, s->expect) != NULL, s->expect, line);
	if (s->reply != NULL && strcmp(s->reply, RIG_TELL) == 0)
		rig_must(write(told[1], "!", 1) == 1, "a reader", "none");
	else if (s->reply != NULL)
		rig_say(*fd, s->reply);
}

static void
play(const struct step *steps)
{
	int	fd = rig_accept();

	if (strstr(steps->expect, "hello") == NULL && strstr(steps->expect, "token") == NULL)
		hear_hello(fd);
	for (; steps->expect != NULL; steps++)
		play_step(steps, &fd);
	_exit(0);
}

void
rig_start(const struct step *steps)
{
	fflush(NULL);
	if ((rig_daemon = fork()) == 0)
		play(steps);
}

void
rig_start_to_leave(const struct step *steps)
{
	quiet = true;
	rig_start(steps);
	quiet = false;
}

void
rig_leave(void)
{
	assert_int_equal(kill(rig_daemon, SIGKILL), 0);
	assert_int_equal(waitpid(rig_daemon, NULL, 0), rig_daemon);
}

void
rig_told(void)
{
	char	byte;

	assert_int_equal(read(told[0], &byte, 1), 1);
}

void
rig_assert_content(void)
{
	int	status;

	assert_int_equal(waitpid(rig_daemon, &status, 0), rig_daemon);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- jobctl ---- */

static int
temporary(const char *text, size_t len)
{
	FILE	*f = tmpfile();
	int	 fd = dup(fileno(f));

	fclose(f);
	assert_int_equal(fd_write_all(fd, text, len), 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static char *
contents(int fd, size_t *len)
{
	struct stat	 st;
	char		*text;

	fstat(fd, &st);
	text = mem_zalloc(1, (size_t)st.st_size + 1);
	assert_int_equal(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	*len = (size_t)st.st_size;
	return text;
}

pid_t
rig_start_jobctl_with(int in, int out, char **words, int *err)
{
	static const int	forwarded[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	char	*argv[WORDS_MAX + 2] = { (char[]){ "jobctl" } };
	int	 argc = 1;
	pid_t	 pid;

	*err = temporary("", 0);
	fflush(NULL);
	if ((pid = fork()) != 0)
		return pid;
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = words[argc - 1];
	alarm(PATIENCE_S);
	for (size_t i = 0; i < COUNT(forwarded); i++)	/* whoever runs the tests may ignore them */
		signal(forwarded[i], SIG_DFL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(*err, 2);
	for (int fd = 3; fd < 64; fd++)	/* so that pipes of the test end when it closes them */
		if (fd != rig_listener)
			close(fd);
	exit(ctl_run(argc, argv));
}

pid_t
rig_start_jobctl(const char *input, size_t len, char **words, int *out, int *err)
{
	int	in = temporary(input, len);
	pid_t	pid;

	*out = temporary("", 0);
	pid = rig_start_jobctl_with(in, *out, words, err);
	close(in);
	return pid;
}

void
rig_finish_jobctl(pid_t pid, int out, int err)
{
	size_t	len;

	free(last.out);
	free(last.err);
	last = (struct run){ 0 };
	waitpid(pid, &last.status, 0);
	if (out >= 0)
		last.out = contents(out, &last.out_len);
	last.err = contents(err, &len);
}

int
rig_jobctl_bytes(const char *input, size_t len, char **words)
{
	int	out, err;
	pid_t	pid = rig_start_jobctl(input, len, words, &out, &err);

	rig_finish_jobctl(pid, out, err);
	return WIFEXITED(last.status) ? WEXITSTATUS(last.status) : -1;
}

int
rig_jobctl(const char *input, char **words)
{
	return rig_jobctl_bytes(input, strlen(input), words);
}

void
rig_assert_said(const char *text)
{
	if (strstr(last.err, text) == NULL)
		fail_msg("stderr has no '%s': %s", text, last.err);
}

/* ---- the rig ---- */

int
rig_set_up(void **state)
{
	static char		dir[] = "/tmp/jobctl-talk-XXXXXX";
	struct sockaddr_un	sa = { .sun_family = AF_UNIX };

	(void)state;
	unsetenv("JOBD_TOKEN_FILE");
	if (mkdtemp(dir) == NULL || pipe(told) < 0)
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/s", dir);
	snprintf(rig_address, sizeof(rig_address), "unix:%s", socket_path);
	memcpy(sa.sun_path, socket_path, strlen(socket_path));
	setenv("JOBD_HOST", rig_address, 1);
	rig_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(rig_listener, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -1;
	return listen(rig_listener, 8);
}

int
rig_tear_down(void **state)
{
	(void)state;
	close(rig_listener);
	unlink(socket_path);
	*strrchr(socket_path, '/') = '\0';
	rmdir(socket_path);
	free(last.out);
	free(last.err);
	return 0;
}
