/*
 * activation.c - libFuzzer target: any text as LISTEN_FDS and LISTEN_FDNAMES, with sockets there and
 * without.  Whatever they say, they are taken out of the environment, no more are served than jobd
 * takes, and what cannot be served is said with its number.
 */
#include "tests/fuzz/fuzz.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/supervisor/activation.h"
#include "daemon/supervisor/args.h"
#include "lib/alloc.h"

#define SOCKETS	3		/* so many are there, at the lowest free descriptors */
#define MOST	64

static void
put_sockets(void)
{
	struct sockaddr_in	any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (int i = 0; i < SOCKETS; i++) {
		int	fd = socket(AF_INET, SOCK_STREAM, 0);

		require(fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0);
		require(listen(fd, 1) == 0);
	}
}

/* Two variables: the first line, and the rest. */
static void
set_environment(char *text)
{
	char	 pid[24];
	char	*names = strchr(text, '\n');

	if (names != NULL)
		*names++ = '\0';
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	require(setenv("LISTEN_PID", pid, 1) == 0);
	require(setenv("LISTEN_FDS", text, 1) == 0);
	if (names != NULL)
		require(setenv("LISTEN_FDNAMES", names, 1) == 0);
}

static void
check_addresses(size_t n)
{
	struct args	out = { 0 };
	char		why[400] = "";

	if (activation_addresses(&out, why, sizeof(why)) == 0)
		require(out.n == n);
	else
		require(out.n < n && strncmp(why, "LISTEN_FDS: descriptor ", 23) == 0);
	for (size_t i = 0; i < out.n; i++)
		require(strncmp(out.v[i], "tcp:", 4) == 0 || strncmp(out.v[i], "tls:", 4) == 0 ||
		    strncmp(out.v[i], "unix:", 5) == 0);
	args_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool	 ready;
	char		*text = mem_strndup((const char *)data, size);
	size_t		 n;

	if (!ready)
		put_sockets();
	ready = true;
	set_environment(text);
	n = activation_take();
	require(n <= MOST && n == activation_count());
	require(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL);
	require(getenv("LISTEN_FDNAMES") == NULL);
	check_addresses(n);
	free(text);
	return 0;
}
