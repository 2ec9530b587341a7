/*
 * control.c - messages between the supervisor and the broker arrive whole or end the conversation.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "proto/control.h"

static int	pair[2];

static int
open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int
close_pair(void **state)
{
	(void)state;
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	return 0;
}

static struct control_msg
message(enum control_kind kind)
{
	struct control_msg	m;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	return m;
}

static int
count_fds(void)
{
	DIR	*d = opendir("/proc/self/fd");
	int	 n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
test_a_message_arrives_with_its_descriptors(void **state)
{
	struct control_msg	m = message(CONTROL_START), got;
	int			fds[CONTROL_FDS_MAX], sent[3], pipes[2];
	size_t			nfds;
	char			c = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	sent[0] = pipes[1];
	sent[1] = sent[2] = pipes[0];
	m.worker = 7;
	m.gen = 3;
	m.lane = CONTROL_LANE_IO;
	strcpy(m.name, "io-1");
	assert_int_equal(control_send(pair[0], &m, sent, 3), 0);
	assert_int_equal(control_receive(pair[1], &got, fds, &nfds), 1);
	assert_memory_equal(&m, &got, sizeof(m));
	assert_int_equal(nfds, 3);
	assert_int_equal(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_an_empty_socket_says_again_and_a_closed_one_is_gone(void **state)
{
	struct control_msg	m = message(CONTROL_READY);
	int			fds[CONTROL_FDS_MAX];
	size_t			nfds;

	(void)state;
	assert_int_equal(control_receive(pair[1], &m, fds, &nfds), -EAGAIN);
	fd_close(&pair[0]);
	assert_int_equal(control_receive(pair[1], &m, fds, &nfds), 0);
	assert_int_equal(control_send(pair[1], &m, NULL, 0), -EPIPE);
}

static void
test_last_words_are_heard_though_the_speaker_left_mail_unread(void **state)
{
	struct control_msg	m = message(CONTROL_FAILED), got;
	int			fds[CONTROL_FDS_MAX];
	size_t			nfds;

	(void)state;
	strcpy(m.text, "no memory");
	assert_int_equal(control_send(pair[1], &m, NULL, 0), 0);	/* never read by pair[0] */
	assert_int_equal(control_send(pair[0], &m, NULL, 0), 0);
	fd_close(&pair[0]);
	assert_int_equal(control_receive(pair[1], &got, fds, &nfds), 1);
	assert_string_equal(got.text, "no memory");
	assert_int_equal(control_receive(pair[1], &got, fds, &nfds), 0);
}

static void
test_a_full_socket_does_not_block(void **state)
{
	struct control_msg	m = message(CONTROL_EXITED);
	int			sent = 0, rc;

	(void)state;
	while ((rc = control_send(pair[0], &m, NULL, 0)) == 0)
		sent++;
	assert_int_equal(rc, -EAGAIN);
	assert_true(sent > 10);
}

/* Whatever is not a message is refused, and its descriptors do not stay open. */
static void
test_broken_messages_are_refused_and_leak_nothing(void **state)
{
	struct control_msg	bad[5];
	struct control_msg	got;
	char			raw[sizeof(bad[0]) + 1];
	int			fds[CONTROL_FDS_MAX], five[5], before;
	size_t			nfds;

	(void)state;
	bad[0] = message(0);
	bad[1] = message(CONTROL_KINDS);
	bad[2] = message(CONTROL_READY);
	memset(bad[2].text, 'x', sizeof(bad[2].text));
	bad[3] = message(CONTROL_START);
	memset(bad[3].name, 'x', sizeof(bad[3].name));
	bad[4] = message(CONTROL_START);
	memset(bad[4].pool, 'x', sizeof(bad[4].pool));
	for (size_t i = 0; i < COUNT(five); i++)
		five[i] = STDERR_FILENO;
	before = count_fds();
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(control_send(pair[0], &bad[i], five, 2), 0);
		assert_int_equal(control_receive(pair[1], &got, fds, &nfds), -EBADMSG);
		assert_int_equal(nfds, 0);
	}
	bad[0] = message(CONTROL_READY);
	memset(raw, 0, sizeof(raw));
	memcpy(raw, &bad[0], sizeof(bad[0]));
	for (size_t size = 1; size <= sizeof(raw); size += sizeof(raw) / 5) {
		assert_int_equal(fd_send(pair[0], raw, size, five, 1), size);
		assert_int_equal(control_receive(pair[1], &got, fds, &nfds), -EBADMSG);
	}
	assert_int_equal(fd_send(pair[0], raw, sizeof(raw), five, 1), sizeof(raw));
	assert_int_equal(control_receive(pair[1], &got, fds, &nfds), -EBADMSG);
	assert_int_equal(fd_send(pair[0], &bad[0], sizeof(bad[0]), five, 5), sizeof(bad[0]));
	assert_int_equal(control_receive(pair[1], &got, fds, &nfds), -EBADMSG);
	assert_int_equal(control_send(pair[0], &bad[0], five, 5), -EINVAL);
	assert_int_equal(count_fds(), before);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		ROW(test_a_message_arrives_with_its_descriptors),
		ROW(test_an_empty_socket_says_again_and_a_closed_one_is_gone),
		ROW(test_last_words_are_heard_though_the_speaker_left_mail_unread),
		ROW(test_a_full_socket_does_not_block),
		ROW(test_broken_messages_are_refused_and_leak_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
