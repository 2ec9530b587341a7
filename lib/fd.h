/* fd.h - descriptors: flags, whole writes, and passing them over a SOCK_SEQPACKET socket. */
#ifndef LIB_FD_H
#define LIB_FD_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define FD_PASS_MAX	8

int fd_set_nonblock(int fd);		/* 0 or -errno */
int fd_set_cloexec(int fd, int on);	/* 0 or -errno */
/* All of it, restarting after EINTR; 0 or -errno. */
int fd_write_all(int fd, const void *p, size_t n);
/* The whole of a small file, NUL-terminated, at most max bytes; the caller frees.  NULL with errno. */
char *fd_read_file(const char *path, size_t max, size_t *len);
/* The same of one that is open, from where the descriptor stands. */
char *fd_read_open(int fd, size_t max, size_t *len);
/*
 * text into a control file of the kernel's (of a cgroup) that is there, in one write(2), which takes it as
 * a whole; 0 or -errno.
 */
int fd_write_control(int dir, const char *name, const char *text);
/* Close if open and set to -1. */
void fd_close(int *fd);

/*
 * Pieces, one behind the other, as a memfd that nobody can change any more: the descriptor, close-on-exec,
 * or -errno.
 */
int fd_share(const char *name, const struct iovec *pieces, size_t count);
/*
 * The whole of one, NUL-terminated, for the caller to free; NULL with errno: it cannot be read, or is
 * longer than max (EFBIG).  Where the descriptor stands does not matter and does not change.
 */
char *fd_read_shared(int fd, size_t max, size_t *len);

/*
 * One message with up to FD_PASS_MAX descriptors.  Never blocks (MSG_DONTWAIT), never raises SIGPIPE.
 * Received descriptors are close-on-exec; *nfds is how many came.
 * Return: bytes; 0 at end-of-file (receive only); -errno.
 */
ssize_t fd_send(int sock, const void *p, size_t n, const int *fds, size_t nfds);
ssize_t fd_receive(int sock, void *p, size_t n, int fds[FD_PASS_MAX], size_t *nfds);

#endif
