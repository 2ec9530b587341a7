/*
 * commands.h - what goes to and fro beside the RUN of a command: its output, its input, signals.
 *
 * OUTPUT is asked for as long as there is some: the worker answers with what has come, and reads no
 * more from a command for which nobody asks.  INPUT and SIGNAL are a client's; whoever gives one in
 * is told once whether the command has got it.
 */
#ifndef LANES_COMMANDS_H
#define LANES_COMMANDS_H

#include "daemon/broker/lanes/lanes_internal.h"

/* Of way_exec: RUN, and its output is asked for. */
void commands_start(struct seat *seat, struct attempt *at);
/* Of way_exec too: what a free command says of its grace counts. */
void commands_tell(struct seat *seat, struct attempt *at);
uint32_t commands_inflight(const struct seat *seat);
const struct attempt *commands_oldest(const struct seat *seat);
/* An OUTPUT, INPUT or SIGNAL was completed. */
void commands_take(struct seat *seat, const struct channel_completion *c);
/* It has ended: nobody is there for what is still under way. */
void commands_ended(struct seat *seat, struct attempt *at);
/* Asks again where the channel had no room. */
void commands_ask_again(struct seat *seat);
/* The worker is dead, and all that it had published is taken: its commands say nothing more. */
void commands_silence(struct seat *seat);
/* The channel is gone, and the attempts with it. */
void commands_drop(struct seat *seat);

/* Its RUN was completed: what it has used is known. */
void commands_measured(struct seat *seat, struct attempt *at);

#endif
