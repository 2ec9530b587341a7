/*
 * filter.h - a seccomp filter: system calls that are refused, one check behind the other.
 *
 * Calls of another architecture (and their numbers mean something else) end the process; those of
 * x86's x32 are refused.  What no check refuses is allowed.
 */
#ifndef WORKERS_FILTER_H
#define WORKERS_FILTER_H

#include <linux/filter.h>
#include <stdint.h>

#define FILTER_MAX	96

struct filter {
	struct sock_filter	code[FILTER_MAX];
	unsigned short		len;		/* 0: there is no filter */
};

void filter_begin(struct filter *f);
void filter_refuse(struct filter *f, uint32_t call, int error);
/* When the argument (0 .. 5; an int, or the low half of a long) has, of the bits in mask, these. */
void filter_refuse_if(struct filter *f, uint32_t call, int argument, uint32_t mask, uint32_t bits,
    int error);
void filter_refuse_unless(struct filter *f, uint32_t call, int argument, uint32_t mask,
    uint32_t bits, int error);
void filter_end(struct filter *f);

#endif
