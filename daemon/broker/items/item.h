/*
 * item.h - what is remembered besides jobs, as small JSON texts: one file of this folder prints and
 * reads each kind.  No system call, no clock.
 *
 * A text comes from the disk: whoever wrote it, it is checked like any other input.  Members that
 * are not there leave what was there before; members that nobody knows are passed over, as they may
 * be a later jobd's.
 */
#ifndef ITEMS_ITEM_H
#define ITEMS_ITEM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/rpc.h"

/* An object, for the caller to json_decref; NULL with *err. */
json_t *item_parse(struct span text, struct rpc_error *err);
/* Each: 0, or -1 with *err when the member is there and is not one of these. */
int item_int(const json_t *o, const char *name, int64_t min, int64_t max, int64_t *out,
    struct rpc_error *err);
int item_u32(const json_t *o, const char *name, uint32_t max, uint32_t *out,
    struct rpc_error *err);
int item_bool(const json_t *o, const char *name, bool *out, struct rpc_error *err);
int item_real(const json_t *o, const char *name, double min, double max, double *out,
    struct rpc_error *err);
/* At most max bytes; lent by o. */
int item_text(const json_t *o, const char *name, size_t max, struct span *out,
    struct rpc_error *err);
/* Index of one of count words. */
int item_word(const json_t *o, const char *name, const char *const *words, int count, int *out,
    struct rpc_error *err);

/* Printing: `"name":` with a comma before it unless it is the first of its object. */
void item_name(struct buf *out, const char *name);
void item_put_int(struct buf *out, const char *name, int64_t value);
void item_put_true(struct buf *out, const char *name);
void item_put_text(struct buf *out, const char *name, const char *text, size_t len);
/* Such that the same value comes back. */
void item_put_real(struct buf *out, const char *name, double value);

#endif
