/*
 * tls.h - the certificate of TLS listeners, its key, and the authority of clients: read from their files, which
 * the broker may not be able to read, and tried before they are used.
 */
#ifndef SUPERVISOR_TLS_H
#define SUPERVISOR_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/config.h"
#include "proto/tls_files.h"

struct account;

/*
 * What [tls] says; a file that it does not name is one of systemd's credentials, when there is one of that name
 * (`tls.certificate`, `tls.key`, `tls.client_ca`).  NULL and *out, in which a part may be missing; or the setting
 * that is to blame, with a sentence in why[size].
 */
const char *tls_read(const struct config *c, struct tls_files *out, char *why, size_t size);
/*
 * What is missing may be among credentials that this process is not shown: systemd keeps those of
 * a service from the commands of ExecReload=, and tells them all the same where they are.
 */
bool tls_may_be_hidden(const struct tls_files *f);
/*
 * Has the broker's program try them, as the broker's account: nothing that parses certificates runs as root.
 * NULL, or the setting that is to blame, with a sentence in why[size].
 */
const char *tls_check(const char *program, const struct account *as, const struct tls_files *f,
    char *why, size_t size);

#endif
