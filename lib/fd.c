/* fd.c - descriptors.  Runs in: every process. */
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"

int
fd_set_nonblock(int fd)
{
	int	flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int
fd_set_cloexec(int fd, int on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int
fd_write_all(int fd, const void *p, size_t n)
{
	const char	*at = p;

	while (n > 0) {
		ssize_t	done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

char *
fd_read_file(const char *path, size_t max, size_t *len)
{
	int	 fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	char	*text;

	if (fd < 0)
		return NULL;
	text = fd_read_open(fd, max, len);
	rc = errno;
	close(fd);
	errno = rc;
	return text;
}

char *
fd_read_open(int fd, size_t max, size_t *len)
{
	char	*text = mem_alloc(max + 1);
	size_t	 n = 0;
	ssize_t	 got = 0;

	while (n < max && ((got = read(fd, text + n, max - n)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	if (got < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	if (len != NULL)
		*len = n;
	return text;
}

int
fd_write_control(int dir, const char *name, const char *text)
{
	int	fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), rc;

	if (fd < 0)
		return -errno;
	rc = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

void
fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
fd_share(const char *name, const struct iovec *pieces, size_t count)
{
	int	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), rc = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = fd_write_all(fd, pieces[i].iov_base, pieces[i].iov_len);
	if (rc == 0 && fcntl(fd, F_ADD_SEALS,
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

char *
fd_read_shared(int fd, size_t max, size_t *len)
{
	struct stat	 st;
	char		*p;
	ssize_t		 got;

	if (fstat(fd, &st) != 0)
		return NULL;
	if (st.st_size < 0 || (uint64_t)st.st_size > max) {
		errno = EFBIG;
		return NULL;
	}
	p = mem_alloc((size_t)st.st_size + 1);
	got = pread(fd, p, (size_t)st.st_size, 0);
	if (got != st.st_size) {
		errno = got < 0 ? errno : EIO;
		free(p);
		return NULL;
	}
	p[got] = '\0';
	*len = (size_t)got;
	return p;
}

ssize_t
fd_send(int sock, const void *p, size_t n, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr	align;
		char		bytes[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control = { 0 };
	struct iovec	 iov = { .iov_base = (void *)(size_t)p, .iov_len = n };
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr	*c;
	ssize_t		 sent;

	if (nfds > FD_PASS_MAX)
		return -EINVAL;
	if (nfds > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		sent = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

ssize_t
fd_receive(int sock, void *p, size_t n, int fds[FD_PASS_MAX], size_t *nfds)
{
	union {
		struct cmsghdr	align;
		char		bytes[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	} control;
	struct iovec	 iov = { .iov_base = p, .iov_len = n };
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	ssize_t		 got;

	*nfds = 0;
	do
		got = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *nfds * sizeof(int));
	}
	return got;
}
