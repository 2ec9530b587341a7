/* filter.c - seccomp filters, written out.  Runs in: workers. */
#include "workers/filter.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__x86_64__)
#define ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH	AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH	AUDIT_ARCH_RISCV64
#elif defined(__i386__)
#define ARCH	AUDIT_ARCH_I386
#elif defined(__arm__)
#define ARCH	AUDIT_ARCH_ARM
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH	AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH	AUDIT_ARCH_S390X
#else
#error "filter.c does not know the seccomp name of this architecture"
#endif

#define FIELD(name)	((uint32_t)offsetof(struct seccomp_data, name))
#define X32_BIT		0x40000000u
/* The low half of an argument: its value where it is an int. */
#define LOW_HALF	(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)

static void
put(struct filter *f, uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false)
{
	assert(f->len < FILTER_MAX);
	f->code[f->len++] = (struct sock_filter)BPF_JUMP(code, k, jump_true, jump_false);
}

static void
put_refusal(struct filter *f, int error)
{
	put(f, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA), 0, 0);
}

/* Each check begins with the call's number in the accumulator, and leaves it there. */
static void
put_number(struct filter *f)
{
	put(f, BPF_LD | BPF_W | BPF_ABS, FIELD(nr), 0, 0);
}

void
filter_begin(struct filter *f)
{
	f->len = 0;
	put(f, BPF_LD | BPF_W | BPF_ABS, FIELD(arch), 0, 0);
	put(f, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	put(f, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	put_number(f);
#if defined(__x86_64__)
	put(f, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	put_refusal(f, EPERM);
#endif
}

void
filter_refuse(struct filter *f, uint32_t call, int error)
{
	put(f, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
	put_refusal(f, error);
}

static void
put_check(struct filter *f, uint32_t call, int argument, uint32_t mask, uint32_t bits, bool same,
    int error)
{
	uint32_t	at = FIELD(args) + 8 * (uint32_t)argument + LOW_HALF;

	put(f, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 5);
	put(f, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
	put(f, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	put(f, BPF_JMP | BPF_JEQ | BPF_K, bits, same ? 0 : 1, same ? 1 : 0);
	put_refusal(f, error);
	put_number(f);
}

void
filter_refuse_if(struct filter *f, uint32_t call, int argument, uint32_t mask, uint32_t bits,
    int error)
{
	put_check(f, call, argument, mask, bits, true, error);
}

void
filter_refuse_unless(struct filter *f, uint32_t call, int argument, uint32_t mask, uint32_t bits,
    int error)
{
	put_check(f, call, argument, mask, bits, false, error);
}

void
filter_end(struct filter *f)
{
	put(f, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}
