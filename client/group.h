/* group.h - what the verbs `jobctl group ...` share. */
#ifndef CLIENT_GROUP_H
#define CLIENT_GROUP_H

#include "client/ctl.h"

/* `{"group":NAME` of the first operand; the caller goes on, and closes the brace. */
void group_put_name(const struct ctl *ctl, struct buf *out);
/*
 * Asks a method about the group that the first operand names (more: further members, with a comma
 * before each; NULL: none), and prints what it answers.  0 or the exit status.
 */
int group_ask(struct ctl *ctl, const char *method, const char *more, int64_t timeout_ms);
/* A group that did not succeed is an exit status of its own: after group_ask, of its last reply. */
int group_end(const struct ctl *ctl, struct span group);
int group_ask_end(struct ctl *ctl, const char *method, const char *more, int64_t timeout_ms);
/* The member `reduce` of group.create, from `TYPE` or `TYPE=JSON`, open at its end: labels may
 * follow, then a brace.  *type is the caller's.  0 or the exit status. */
int group_put_reduce(const struct ctl *ctl, const char *text, char **type, struct buf *out);

#endif
