/* submit.h - submitting one job, of a type or a command: `submit`, and `run --detach`. */
#ifndef CLIENT_SUBMIT_H
#define CLIENT_SUBMIT_H

#include <stdbool.h>

struct ctl;

/* Submits what the operands say and prints its id.  The exit status. */
int submit_job(struct ctl *ctl, bool command);

#endif
