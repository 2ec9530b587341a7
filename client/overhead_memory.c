/* overhead_memory.c - how much memory a thread, a process, a coroutine takes.  Runs in: jobctl. */
#include "client/overhead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/fd.h"

#define THREADS		64
#define PROCESSES	8
#define COROUTINES	256
#define STACK_BYTES	((size_t)64 << 10)

/*
 * Lines of a process's memory.  What is shared is divided among those who share it: pages of files
 * also among strangers, who come and go; anonymous ones among this process and its forks alone.
 */
#define PSS		"\nPss:"
#define PSS_ANON	"\nPss_Anon:"
#define RSS		"\nRss:"

/* One of them, in bytes; -errno. */
static double
memory_of(pid_t pid, const char *line_start)
{
	char	 path[64], *text, *line;
	double	 bytes = -ENODATA;
	size_t	 len;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if ((text = fd_read_file(path, 16384, &len)) == NULL)
		return -errno;
	if ((line = strstr(text, line_start)) != NULL)
		bytes = strtod(line + strlen(line_start), NULL) * 1024;
	free(text);
	return bytes;
}

static double
own_memory(pid_t pid)
{
	return memory_of(pid, PSS_ANON);
}

/* ---- threads ---- */

struct waiting {
	int	ready, gate;		/* ends of two pipes */
};

/* Says that it runs, and waits for the gate to close. */
static void *
wait_at_gate(void *arg)
{
	const struct waiting	*w = arg;
	char			 c = 'x';

	if (write(w->ready, &c, 1) == 1)
		while (read(w->gate, &c, 1) > 0)
			;
	return NULL;
}

static void
hear(int fd, int n)
{
	char	c;

	while (n > 0 && read(fd, &c, 1) == 1)
		n--;
}

double
overhead_thread_memory(void)
{
	int		ready[2], gate[2], n = 0;
	pthread_t	threads[THREADS];
	struct waiting	w;
	double		before, after;

	if (pipe(ready) < 0 || pipe(gate) < 0)
		return -errno;
	w = (struct waiting){ ready[1], gate[0] };
	before = own_memory(getpid());
	while (n < THREADS && pthread_create(&threads[n], NULL, wait_at_gate, &w) == 0)
		n++;
	hear(ready[0], n);
	after = own_memory(getpid());
	close(gate[1]);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	close(gate[0]);
	close(ready[0]);
	close(ready[1]);
	if (before < 0 || n == 0)
		return before < 0 ? before : -EAGAIN;
	return after > before ? (after - before) / n : 0;
}

/* ---- processes ---- */

/*
 * What each of n processes adds: all of them together with this one, less this one alone; what
 * they share is counted once.
 */
static double
each_adds(const pid_t *pids, int n, double alone)
{
	double	sum = own_memory(getpid());

	for (int i = 0; i < n; i++)
		sum += own_memory(pids[i]);
	return n > 0 && sum > alone ? (sum - alone) / n : -EAGAIN;
}

double
overhead_process_memory(void)
{
	int		ready[2], gate[2], n = 0;
	pid_t		pids[PROCESSES];
	struct waiting	w;
	double		alone = own_memory(getpid()), bytes;

	if (alone < 0 || pipe(ready) < 0 || pipe(gate) < 0)
		return alone < 0 ? alone : -errno;
	w = (struct waiting){ ready[1], gate[0] };
	for (; n < PROCESSES && (pids[n] = fork()) >= 0; n++) {
		if (pids[n] == 0) {
			close(gate[1]);
			wait_at_gate(&w);
			_exit(0);
		}
	}
	hear(ready[0], n);
	bytes = each_adds(pids, n, alone);
	close(gate[1]);
	for (int i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	close(gate[0]);
	close(ready[0]);
	close(ready[1]);
	return bytes;
}

/* /bin/cat between two pipes: when it has given a byte back, it runs. */
static double
cat_memory(int to[2], int from[2], const char *line_start)
{
	posix_spawn_file_actions_t	 fa;
	char				 name[] = "/bin/cat", *argv[] = { name, NULL }, c = 'x';
	double				 bytes = -EIO;
	pid_t				 pid;
	int				 rc;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, to[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, from[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&fa, to[1]);
	rc = posix_spawn(&pid, name, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (rc != 0)
		return -rc;
	if (write(to[1], &c, 1) == 1 && read(from[0], &c, 1) == 1)
		bytes = memory_of(pid, line_start);
	fd_close(&to[1]);
	waitpid(pid, NULL, 0);
	return bytes;
}

static double
program_memory(const char *line_start)
{
	int	to[2], from[2];
	double	bytes;

	if (pipe(to) < 0 || pipe(from) < 0)
		return -errno;
	bytes = cat_memory(to, from, line_start);
	for (int i = 0; i < 2; i++) {
		fd_close(&to[i]);
		fd_close(&from[i]);
	}
	return bytes;
}

double
overhead_program_pss(void)
{
	return program_memory(PSS);
}

double
overhead_program_rss(void)
{
	return program_memory(RSS);
}

/* ---- coroutines ---- */

static ucontext_t	main_context;

static void
come_back(ucontext_t *self)
{
	swapcontext(self, &main_context);
}

/* makecontext passes ints only: the coroutine that starts finds itself here. */
static ucontext_t	*starting;

static void
coroutine(void)
{
	come_back(starting);
}

double
overhead_coroutine_memory(void)
{
	ucontext_t	*all = calloc(COROUTINES, sizeof(*all));
	size_t		 bytes = COROUTINES * STACK_BYTES;
	double		 before = own_memory(getpid()), after;
	char		*stacks = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == NULL || stacks == MAP_FAILED) {
		free(all);
		return -ENOMEM;
	}
	for (size_t i = 0; i < COROUTINES; i++) {
		getcontext(&all[i]);
		all[i].uc_stack.ss_sp = stacks + i * STACK_BYTES;
		all[i].uc_stack.ss_size = STACK_BYTES;
		all[i].uc_link = &main_context;
		makecontext(&all[i], coroutine, 0);
		starting = &all[i];
		swapcontext(&main_context, &all[i]);
	}
	after = own_memory(getpid());
	munmap(stacks, bytes);
	free(all);
	return before < 0 ? before : after > before ? (after - before) / COROUTINES : 0;
}
