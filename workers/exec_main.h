/* exec_main.h - the exec worker as its main() sees it. */
#ifndef WORKERS_EXEC_MAIN_H
#define WORKERS_EXEC_MAIN_H

#include <stddef.h>

#include "proto/channel.h"

/* 0, or -errno or libuv's error; label is lent for ever. */
int exec_init(struct channel_worker *channel, size_t max_result, const char *label);
/* Returns when the broker has stopped the channel and no command is left. */
void exec_loop(void);

#endif
