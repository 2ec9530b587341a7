/*
 * clone_into.c - clone(2) into a cgroup.  Runs in: exec workers, loop thread.
 *
 * Only clone3(2) takes a cgroup, and the C library has no function for it.  A child with a stack of
 * its own has nothing there to return to, so the call, and the child's way from it into fn, cannot
 * be C: these few instructions see to both.  The parent goes on behind them with all registers as
 * they were but those that a system call changes; what the child does with its own is nobody's
 * concern, and its frame pointer is 0 so that a debugger knows where its stack ends.
 */
#include "workers/clone_into.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && defined(__LP64__)

static long
call(struct clone_args *args, int (*fn)(void *), void *arg)
{
	register uintptr_t	start __asm__("r8") = (uintptr_t)fn;
	register uintptr_t	with __asm__("r9") = (uintptr_t)arg;
	long			result = SYS_clone3;

	__asm__ volatile(
	    "syscall\n\t"
	    "test	%%rax, %%rax\n\t"
	    "jnz	1f\n\t"
	    "xor	%%ebp, %%ebp\n\t"		/* the child */
	    "mov	%%r9, %%rdi\n\t"
	    "call	*%%r8\n\t"
	    "mov	%%eax, %%edi\n\t"
	    "mov	%[exit], %%eax\n\t"
	    "syscall\n"
	    "1:"
	    : "+a"(result)
	    : "D"(args), "S"(sizeof(*args)), "r"(start), "r"(with), [exit] "i"(SYS_exit)
	    : "rcx", "r11", "cc", "memory");
	return result;
}

#elif defined(__aarch64__) && defined(__LP64__)

static long
call(struct clone_args *args, int (*fn)(void *), void *arg)
{
	register uintptr_t	result __asm__("x0") = (uintptr_t)args;
	register size_t		bytes __asm__("x1") = sizeof(*args);
	register long		number __asm__("x8") = SYS_clone3;
	register uintptr_t	start __asm__("x9") = (uintptr_t)fn;
	register uintptr_t	with __asm__("x10") = (uintptr_t)arg;

	__asm__ volatile(
	    "svc	#0\n\t"
	    "cbnz	x0, 1f\n\t"
	    "mov	x29, #0\n\t"			/* the child */
	    "mov	x0, x10\n\t"
	    "blr	x9\n\t"
	    "mov	x8, %[exit]\n\t"
	    "svc	#0\n"
	    "1:"
	    : "+r"(result)
	    : "r"(bytes), "r"(number), "r"(start), "r"(with), [exit] "i"(SYS_exit)
	    : "cc", "memory");
	return (long)result;
}

#else

static long
call(struct clone_args *args, int (*fn)(void *), void *arg)
{
	(void)args;
	(void)fn;
	(void)arg;
	return -ENOSYS;
}

#endif

pid_t
clone_into(int cgroup, int (*fn)(void *), void *arg, char *stack, size_t bytes)
{
	struct clone_args	args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack, .stack_size = bytes, .cgroup = (uint64_t)cgroup,
	};
	long			pid = call(&args, fn, arg);

	if (pid > 0)
		return (pid_t)pid;
	errno = (int)-pid;
	return -1;
}
