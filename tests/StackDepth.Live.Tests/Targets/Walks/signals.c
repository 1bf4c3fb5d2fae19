// Stacks with signal frames. A signal is sent by a bare system call, or raised by an instruction, so that no frame of libc is between.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "walk.h"

static volatile int sink, base, left, total;

#define SEND(number) \
    do { \
        long ignored; \
        __asm__ volatile("syscall" : "=a"(ignored) : "0"((long)SYS_tgkill), "D"((long)getpid()), "S"((long)gettid()), "d"((long)(number)) : "rcx", "r11", "memory"); \
    } while (0)

// Frames: trampoline, this handler.
static void on_signal(int number)
{
    (void)number;
    HIT("main", base + 2);
    sink++; // Else the call of the leaf is a tail call, and this function no frame.
}

static void on_first(int number)
{
    (void)number;
    HIT("main", base + 2);
    base += 2;
    SEND(SIGUSR2);
    base -= 2;
}

// The instruction that was interrupted is the fault itself: go on behind it.
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)info;
    HIT("main", base + 2);
    if (number == SIGILL)
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
    else if (number == SIGSEGV) {
        // A call of address 0: return to the caller.
        greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
        registers[REG_RIP] = *(long *)registers[REG_RSP];
        registers[REG_RSP] += 8;
    }
}

__attribute__((noipa)) static void chain(int level);
static void on_chain(int number)
{
    (void)number;
    int level = total - left;
    VISIT("main", 1 + 3 * level, level, total);
    if (left > 0)
        chain(level);
    sink++;
}

__attribute__((noipa)) static void chain(int level)
{
    (void)level;
    left--;
    SEND(SIGRTMIN);
    sink++;
}

// Functions that a signal interrupts at the first instruction, after the first, and after the frame pointer was set.
void fault_first(void);
void fault_pushed(void);
void trap_pushed(void);
void trap_framed(void);
__asm__(".text\n"
    "fault_first:\n.cfi_startproc\nud2\npush %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp,0\npop %rbp\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n"
    "fault_pushed:\n.cfi_startproc\npush %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp,0\nud2\nmov %rsp,%rbp\n.cfi_def_cfa_register %rbp\npop %rbp\n.cfi_def_cfa %rsp,8\nret\n.cfi_endproc\n"
    "trap_pushed:\n.cfi_startproc\npush %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp,0\nint3\nmov %rsp,%rbp\n.cfi_def_cfa_register %rbp\npop %rbp\n.cfi_def_cfa %rsp,8\nret\n.cfi_endproc\n"
    "trap_framed:\n.cfi_startproc\npush %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp,0\nmov %rsp,%rbp\n.cfi_def_cfa_register %rbp\nsub $32,%rsp\nint3\nleave\n.cfi_def_cfa %rsp,8\nret\n.cfi_endproc\n");

static void (*volatile nowhere)(void);

__attribute__((noipa)) static void rec(int level, int depth, const char *mode)
{
    if (level < depth)
        rec(level + 1, depth, mode);
    else if (!strcmp(mode, "fault") || !strcmp(mode, "trap") || !strcmp(mode, "null")) {
        // The interrupted function is a frame more.
        base = level + 2;
        if (!strcmp(mode, "fault")) {
            fault_first();
            fault_pushed();
        } else if (!strcmp(mode, "trap")) {
            trap_pushed();
            trap_framed();
        } else
            nowhere();
    } else {
        base = level + 1;
        SEND(SIGUSR1);
    }
    sink++;
}

static void handle(int number, void *function, int flags)
{
    struct sigaction action = {.sa_flags = flags | SA_NODEFER};
    if (flags & SA_SIGINFO)
        action.sa_sigaction = (void (*)(int, siginfo_t *, void *))function;
    else
        action.sa_handler = (void (*)(int))function;
    sigaction(number, &action, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    walk_open(argv[4], argv[5]);
    const char *mode = argv[1];
    int depth = walk_number(argv[2]);
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 1 << 27;
    setrlimit(RLIMIT_STACK, &limit);
    stack_t stack = {.ss_sp = malloc(1 << 20), .ss_size = 1 << 20};
    sigaltstack(&stack, NULL);
    // handler: on the same stack. alternate: on its own. nested: on the same, and in it one on the alternate stack. nested-alternate: both on the alternate stack.
    handle(SIGUSR1, strncmp(mode, "nested", 6) ? (void *)on_signal : (void *)on_first, !strcmp(mode, "alternate") || !strcmp(mode, "nested-alternate") ? SA_ONSTACK : 0);
    handle(SIGUSR2, (void *)on_signal, SA_ONSTACK);
    handle(SIGILL, (void *)on_fault, SA_SIGINFO);
    handle(SIGTRAP, (void *)on_fault, SA_SIGINFO);
    handle(SIGSEGV, (void *)on_fault, SA_SIGINFO | SA_ONSTACK);
    handle(SIGRTMIN, (void *)on_chain, 0);
    for (int repeat = walk_number(argv[3]); repeat > 0; repeat--)
        if (!strcmp(mode, "chain")) {
            left = total = depth;
            chain(0);
        } else
            rec(1, depth, mode);
    return 0;
}
