/*
 * listen.h - listening sockets, made so that no other process's is taken away and nobody is let in
 * by accident.  They outlive a broker: clients that come while there is none wait in the backlog.
 */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/parse.h"

struct listener {
	int		 fd;		/* non-blocking, close-on-exec */
	struct addr	 addr;		/* with the real port */
	char		 text[300];	/* the same, as clients write it */
	dev_t		 dev;		/* unix: the file that is ours */
	ino_t		 ino;
	bool		 passed_on;	/* made by somebody else, who removes its file: activation.h */
};

/*
 * May jobd serve there?  TCP without TLS is for loopback only; names are not looked up: a numeric
 * address, or `localhost`, which is 127.0.0.1.  0, or -EINVAL with a sentence in why[size].
 */
int listen_check(const struct addr *addr, char *why, size_t size);
/*
 * Binds and listens.  A unix socket has mode 0660 from its first moment; a file in its place is
 * removed only when it is a socket at which nobody answers.  0, or -errno with a sentence in
 * why[size]; -EADDRINUSE: somebody serves there.
 */
int listen_open(const struct addr *addr, struct listener *out, char *why, size_t size);
/* Closes; a unix socket's file is removed if it is still the one that listen_open made. */
void listen_close(struct listener *l);

#endif
