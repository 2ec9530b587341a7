/* rpc_rows.h - what rpc.c and jobspec.c need of the rows beyond rpc.h. */
#ifndef PROTO_RPC_ROWS_H
#define PROTO_RPC_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/rpc.h"

#define RPC_BIT(param)	(UINT64_C(1) << (param))

/* enum rpc_method; -1 when there is none. */
int rpc_method_find(const char *name, size_t len);
/* enum rpc_param; -1 when there is none. */
int rpc_param_find(const char *name, size_t len);

#endif
