/* echo.c - returns its argument as it came, byte for byte.  Runs in: workers, every lane. */
#include "workers/handlers/handlers.h"

static void
echo(struct jobd_attempt *at)
{
	size_t		 len;
	const char	*args = jobd_args(at, &len);

	jobd_succeed(at, args, len);
}

const struct jobd_handler handler_echo = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "echo",
	.summary = "returns its argument",
	.traits = JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_INLINE | JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = echo,
	.start = echo,
};
