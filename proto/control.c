/*
 * control.c - one message of the control socket, whole or not at all.  Runs in: supervisor, broker.
 */
#include "proto/control.h"

#include <errno.h>
#include <string.h>

#include "lib/fd.h"

int
control_send(int sock, const struct control_msg *m, const int *fds, size_t nfds)
{
	ssize_t	n;

	if (nfds > CONTROL_FDS_MAX)
		return -EINVAL;
	n = fd_send(sock, m, sizeof(*m), fds, nfds);
	if (n < 0)
		return (int)n;
	return n == (ssize_t)sizeof(*m) ? 0 : -EBADMSG;
}

/* Text fields end within their room and the kind is one that exists. */
static bool
well_formed(const struct control_msg *m)
{
	return m->kind >= CONTROL_START && m->kind < CONTROL_KINDS &&
	    m->lane < CONTROL_LANES &&
	    memchr(m->name, '\0', sizeof(m->name)) != NULL &&
	    memchr(m->pool, '\0', sizeof(m->pool)) != NULL &&
	    memchr(m->text, '\0', sizeof(m->text)) != NULL &&
	    memchr(m->data, '\0', sizeof(m->data)) != NULL;
}

int
control_receive(int sock, struct control_msg *m, int fds[CONTROL_FDS_MAX], size_t *nfds)
{
	struct {
		struct control_msg	msg;
		char			beyond;		/* a longer message shows */
	} in;
	int	passed[FD_PASS_MAX];
	size_t	npassed;
	ssize_t	n;

	*nfds = 0;
	n = fd_receive(sock, &in, sizeof(in), passed, &npassed);
	/*
	 * The end died with messages unread: the kernel says so once, then gives what it had sent.
	 */
	if (n == -ECONNRESET)
		n = fd_receive(sock, &in, sizeof(in), passed, &npassed);
	if (n == -ECONNRESET)
		return 0;
	if (n <= 0)
		return (int)n;
	if (n != (ssize_t)sizeof(in.msg) || npassed > CONTROL_FDS_MAX || !well_formed(&in.msg)) {
		while (npassed > 0)
			fd_close(&passed[--npassed]);
		return -EBADMSG;
	}
	*m = in.msg;
	memcpy(fds, passed, npassed * sizeof(*fds));
	*nfds = npassed;
	return 1;
}
