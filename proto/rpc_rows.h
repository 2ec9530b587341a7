/* rpc_rows.h - what rpc.c and jobspec.c need of the rows beyond rpc.h. */
#ifndef PROTO_RPC_ROWS_H
#define PROTO_RPC_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/rpc.h"

#define RPC_BIT(param)	((rpc_set)1 << (param))

/* The least param of a set that is not empty. */
enum rpc_param rpc_set_first(rpc_set set);
/* enum rpc_method; -1 when there is none. */
int rpc_method_find(const char *name, size_t len);
/* enum rpc_param; -1 when there is none. */
int rpc_param_find(const char *name, size_t len);

#endif
