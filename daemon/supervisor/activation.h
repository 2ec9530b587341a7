/*
 * activation.h - listening sockets that a service manager made and passed on: sd_listen_fds(3).
 *
 * LISTEN_FDS of them begin at descriptor 3, if LISTEN_PID is ours.  They are served instead of the
 * addresses of the configuration: whoever made them decides where.  What a socket is, it says itself;
 * only whether TCP carries TLS has to be said, by its name in LISTEN_FDNAMES.
 */
#ifndef SUPERVISOR_ACTIVATION_H
#define SUPERVISOR_ACTIVATION_H

#include <stddef.h>

struct args;
struct listener;

/* The name of a TCP socket that carries TLS: FileDescriptorName=tls. */
#define ACTIVATION_TLS	"tls"

/*
 * Takes what the environment says out of it; once, while the descriptors are as they were given.
 * How many sockets there are, from descriptor 3 on.
 */
size_t activation_take(void);
size_t activation_count(void);
/*
 * Their addresses, as --listen has them.  0, or -EINVAL with a sentence in why[size] when one is no
 * listening stream socket of a kind that jobd serves.
 */
int activation_addresses(struct args *out, char *why, size_t size);
/* The i-th becomes a listener, whose address is there; it is for listen_close to close. */
void activation_listener(size_t i, struct listener *l);

#endif
