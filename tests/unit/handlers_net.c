/*
 * handlers_net.c - dns.lookup and tcp.check without a daemon: ends that come at odd times.  What
 * services do is in tests/e2e/test_net.py.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "tests/unit/attempts.h"
#include "workers/handlers/handlers.h"

/* Takes connections, in the kernel alone, and says nothing. */
static int
open_listener(int *port)
{
	struct sockaddr_in	a = { .sin_family = AF_INET };
	socklen_t		len = sizeof(a);
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static enum channel_status
check(int port, const char *more, int cancel_ms)
{
	char			*args = mem_printf("{\"host\":\"127.0.0.1\",\"port\":%d%s}", port, more);
	enum channel_status	 status = try_start(&handler_tcp_check, args, cancel_ms);

	free(args);
	return status;
}

static void
test_a_check_ends_when_it_is_cancelled_or_its_time_is_over(void **state)
{
	int64_t	since_ns = clock_mono_ns();
	int	port, fd = open_listener(&port);

	(void)state;
	assert_int_equal(check(port, "", -1), CHANNEL_OK);
	assert_int_equal(check(port, ",\"expect\":\"x\"", 20), CHANNEL_CANCELLED);
	assert_int_equal(check(port, ",\"expect\":\"x\"", 0), CHANNEL_CANCELLED);
	assert_int_equal(check(port, ",\"send\":\"a\",\"expect\":\"x\",\"timeout_ms\":30", -1),
	    CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "connected to 127.0.0.1 port "));
	assert_non_null(strstr(try_text, ": not done after 30 ms"));
	assert_int_equal(check(port, ",\"send\":\"a\",\"send_base64\":\"YQ==\"", -1), CHANNEL_FAILED);
	assert_true(clock_mono_ns() - since_ns < 60 * NS_PER_S);
	close(fd);
}

static void
test_a_port_that_nobody_listens_at_refuses(void **state)
{
	int	port, fd = open_listener(&port);

	(void)state;
	close(fd);
	assert_int_equal(check(port, "", -1), CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "connection refused"));
}

static void
test_a_lookup_is_answered_or_cancelled_once(void **state)
{
	(void)state;
	assert_int_equal(try_start(&handler_dns_lookup, "{\"name\":\"127.0.0.1\"}", -1), CHANNEL_OK);
	assert_non_null(strstr(try_text,
	    "\"addresses\":[{\"address\":\"127.0.0.1\",\"family\":\"ipv4\"}]"));
	for (int i = 0; i < 20; i++) {
		enum channel_status	status = try_start(&handler_dns_lookup,
					    "{\"name\":\"localhost\"}", 0);

		assert_true(status == CHANNEL_OK || status == CHANNEL_CANCELLED);
	}
	assert_int_equal(try_start(&handler_dns_lookup,
	    "{\"name\":\"127.0.0.1\",\"family\":\"ipv6\"}", -1), CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "cannot look up 127.0.0.1: "));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_check_ends_when_it_is_cancelled_or_its_time_is_over),
		cmocka_unit_test(test_a_port_that_nobody_listens_at_refuses),
		cmocka_unit_test(test_a_lookup_is_answered_or_cancelled_once),
	};
	int	rc = cmocka_run_group_tests(tests, NULL, NULL);

	try_fini();
	return rc;
}
