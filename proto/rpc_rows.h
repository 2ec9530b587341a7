/* rpc_rows.h - what rpc.c and jobspec.c need of the rows beyond rpc.h. */
#ifndef PROTO_RPC_ROWS_H
#define PROTO_RPC_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/rpc.h"

#define RPC_BIT(param)	(UINT64_C(1) << (param))

/* Members of a job whose feature is not built yet: numbered after the params. */
enum rpc_later_param {
	LATER_PARAM_FIRST = RPC_PARAMS - 1,
#define PARAM(name, type, min, max, help)
#define LATER_PARAM(name) LATER_##name,
#include "proto/params.def"
#undef LATER_PARAM
#undef PARAM
	LATER_PARAM_END
};
#define RPC_LATER_PARAMS	(LATER_PARAM_END - RPC_PARAMS)

extern const char *const rpc_later_params[RPC_LATER_PARAMS];

/* enum rpc_method; -1 when there is none. */
int rpc_method_find(const char *name, size_t len);
/* enum rpc_param, or enum rpc_later_param; -1 when there is none. */
int rpc_param_find(const char *name, size_t len);

#endif
