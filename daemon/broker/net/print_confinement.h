/* print_confinement.h - what commands of a type may reach, for type.show. */
#ifndef BROKER_NET_PRINT_CONFINEMENT_H
#define BROKER_NET_PRINT_CONFINEMENT_H

#include "lib/buf.h"

/*
 * Of the spec of a type (proto/command.h; NULL: it has none), as JSON: null, or what it says of
 * files and the network, and why this machine cannot do it, if it cannot.
 */
void print_confinement(struct buf *out, const char *spec);

#endif
