/* jobopts.h - a job from the command line: its type, its argument, its fields. */
#ifndef CLIENT_JOBOPTS_H
#define CLIENT_JOBOPTS_H

#include "client/ctl.h"

/* Appends an option as a member, `,"name":value`, if it was given. */
void jobopts_put_text(const struct options *o, enum option opt, const char *name, struct buf *out);
void jobopts_put_number(const struct options *o, enum option opt, const char *name,
    struct buf *out);
/* Appends the fields that options give, each with a comma before it: `,"queue":"mail"`. */
void jobopts_put(const struct options *o, struct buf *out);
/* `,"retry":{...}` when options say anything of it. */
void jobopts_put_retry(const struct options *o, struct buf *out);
/* The labels as an object, with one more unless name is NULL. */
void jobopts_put_labels(const struct options *o, const char *name, const char *value,
    struct buf *out);
/* The fields, with one more label. */
void jobopts_put_with_label(const struct options *o, const char *name, const char *value,
    struct buf *out);

/*
 * The argument of `submit TYPE [JSON | -]`: the second operand, or stdin.  *out is empty when
 * there is none.  Checked to be one JSON value that fits the daemon's line.  0, or the exit status
 * with the reason said.
 */
int jobopts_read_args(struct ctl *ctl, struct buf *out);

/* `{"type":...,"args":...` and the fields, without the closing brace.  args: JSON, or len 0. */
void jobopts_put_job(const struct options *o, struct span args, struct buf *out);

#endif
