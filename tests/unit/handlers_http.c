/*
 * handlers_http.c - http.request without a daemon: a slow name server must hold up nothing,
 * neither the loop nor the end of a transfer.  What servers do is in tests/e2e/test_http.py.
 */
#include "tests/unit/unit.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "tests/unit/attempts.h"
#include "workers/handlers/handlers.h"

static sem_t		looked_up, answer;
static atomic_int	ended;

/* In the place of the C library's: the name `slow.test` is answered when the test says so. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	int	(*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (node != NULL && strcmp(node, "slow.test") == 0) {
		sem_post(&looked_up);
		while (sem_wait(&answer) != 0)
			continue;
		atomic_fetch_add(&ended, 1);
		return EAI_AGAIN;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, out);
}

/* The thread that asked must be over before the test is: it uses the semaphores. */
static void
let_it_end(int count)
{
	sem_post(&answer);
	while (atomic_load(&ended) < count)
		usleep(1000);
}

static void
test_a_slow_name_server_holds_up_no_cancel_and_no_timeout(void **state)
{
	int64_t	since_ns = clock_mono_ns();

	(void)state;
	sem_init(&looked_up, 0, 0);
	sem_init(&answer, 0, 0);
	assert_int_equal(try_start(&handler_http_request, "{\"url\":\"http://slow.test/\"}", 20),
	    CHANNEL_CANCELLED);
	let_it_end(1);
	assert_int_equal(try_start(&handler_http_request,
	    "{\"url\":\"http://slow.test/\",\"timeout_ms\":20}", -1), CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "timed out"));
	let_it_end(2);
	assert_int_equal(sem_trywait(&looked_up), 0);	/* the name was really looked up there */
	assert_true(clock_mono_ns() - since_ns < 30 * NS_PER_S);
}

/* ---- a server of one answer ---- */

struct server {
	int		 listener;
	const char	*answer;
	char		 request[4096];
	pthread_t	 thread;
	char		 url[64];
};

static void *
serve(void *arg)
{
	struct server	*s = arg;
	size_t		 len = 0;
	ssize_t		 got;
	int		 fd = accept(s->listener, NULL, NULL);

	while (strstr(s->request, "\r\n\r\n") == NULL &&
	    (got = read(fd, s->request + len, sizeof(s->request) - 1 - len)) > 0)
		len += (size_t)got;
	fd_write_all(fd, s->answer, strlen(s->answer));
	close(fd);
	return NULL;
}

static void
start_server(struct server *s, const char *text)
{
	struct sockaddr_in	a = { .sin_family = AF_INET };
	socklen_t		len = sizeof(a);

	memset(s, 0, sizeof(*s));
	s->answer = text;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/a?b", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static enum channel_status
ask(const char *text, const char *more, char *request, size_t size)
{
	struct server		 s;
	char			*args;
	enum channel_status	 status;

	start_server(&s, text);
	args = mem_printf("{\"url\":\"%s\"%s}", s.url, more);
	status = try_start(&handler_http_request, args, -1);
	pthread_join(s.thread, NULL);
	close(s.listener);
	if (request != NULL)
		snprintf(request, size, "%s", s.request);
	free(args);
	return status;
}

static void
test_a_request_says_no_more_than_it_was_told(void **state)
{
	char	request[4096];

	(void)state;
	assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Odd: \xff\r\n\r\nhi",
	    ",\"method\":\"POST\",\"body\":\"{}\"", request, sizeof(request)), CHANNEL_OK);
	assert_non_null(strstr(try_text, "\"status\":200,\"headers\":{\"content-length\":\"2\","
	    "\"x-odd\":\"?\"},\"body\":\"hi\",\"bytes\":2"));
	assert_memory_equal(request, "POST /a?b HTTP/1.1\r\n", 20);
	assert_null(strstr(request, "Content-Type"));
	assert_null(strstr(request, "Expect"));
	assert_non_null(strstr(request, "Content-Length: 2\r\n"));
}

static void
test_a_broken_answer_is_a_failure(void **state)
{
	(void)state;
	assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", "", NULL, 0),
	    CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "with 3 bytes remaining to read"));
	assert_int_equal(ask("nonsense\r\n\r\n", "", NULL, 0), CHANNEL_FAILED);
	assert_int_equal(ask("", "", NULL, 0), CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "Empty reply from server"));
}

static void
test_without_roots_nothing_is_written(void **state)
{
	(void)state;
	assert_int_equal(try_start(&handler_http_request,
	    "{\"url\":\"http://127.0.0.1:1/\",\"file\":\"/tmp/x\"}", -1), CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "no directory is configured (files.roots)"));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_slow_name_server_holds_up_no_cancel_and_no_timeout),
		cmocka_unit_test(test_a_request_says_no_more_than_it_was_told),
		cmocka_unit_test(test_a_broken_answer_is_a_failure),
		cmocka_unit_test(test_without_roots_nothing_is_written),
	};
	int	rc;

	setenv("no_proxy", "*", 1);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	try_fini();
	return rc;
}
