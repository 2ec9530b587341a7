/*
 * client.c - libFuzzer target: whatever a daemon may send, to a libjobd that waits for answers of
 * every kind.
 *
 * Nothing that comes is believed unchecked: a future that succeeded has JSON, one that failed has a
 * reason, and when the connection is lost nothing stays open.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/libjobd/internal.h"

static void
check(const struct jobd_future *f)
{
	size_t		 len;
	const char	*result = jobd_result(f, &len);

	require(jobd_done(f));
	if (jobd_error(f) != NULL) {
		require(jobd_code(f) != 0 && result == NULL);
		require(jobd_error(f)->kind[0] != '\0' || jobd_error_text(f) != NULL);
		require(memchr(jobd_error(f)->message, '\0', sizeof(jobd_error(f)->message)));
	} else {
		require(result != NULL && strlen(result) == len);
		require(scan_check(result, len, JSON_DEPTH) == NULL);
	}
}

static void
again(struct jobd_future *f, void *data)
{
	int	*left = data;

	check(f);
	if ((*left)-- > 0)
		jobd_start(jobd_of(f), "ping", NULL, NULL);
	jobd_forget(f);
}

static void
notice(struct jobd *j, const char *method, const char *params, void *data)
{
	(void)j;
	(void)data;
	require(params[0] == '\0' || scan_check(params, strlen(params), JSON_DEPTH) == NULL);
	require(strlen(method) < 5000);
}

/* Requests 2 to 7: one of every kind. */
static void
ask_everything(struct jobd *j, int *left)
{
	struct jobd_job		 job = { .type = "x", .args = "1" };
	struct jobd_future	*f;

	jobd_start(j, "ping", NULL, NULL);
	jobd_start_submit(j, &job, NULL);
	jobd_start_call(j, &job, NULL);
	jobd_start_wait(j, 9, NULL);
	job.cancellable = true;
	f = jobd_start_call(j, &job, NULL);
	jobd_cancel(f, NULL);
	jobd_on_done(jobd_start(j, "ping", NULL, NULL), again, left);
	jobd_forget(jobd_start_call(j, &job, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jobd_options	 o = { .max_line_bytes = 2048, .max_result_bytes = 5000 };
	struct jobd_future	*f;
	struct jobd		*j;
	int			 fds[2], left = 3;

	require(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	require(jobd_attach(fds[0], &o, &j, NULL) == 0);
	jobd_on_notice(j, notice, NULL);
	ask_everything(j, &left);
	buf_append(&j->in, data, size);
	wire_deliver(j);
	future_callbacks(j);
	while (jobd_next(j, 0, &f) == 0) {
		check(f);
		jobd_forget(f);
	}
	if (jobd_broken(j)->code != 0)
		require(jobd_pending(j) == 0 && jobd_want(j) == 0);
	jobd_close(j);
	close(fds[1]);
	return 0;
}
