// Stacks at every instruction: a piece of code runs with the trap flag set, and the handler of the trap calls the leaf. How deep the interrupted code is, the handler knows
// from the calls and returns that it saw executed: no unwind table, no frame pointer.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include "walk.h"

static volatile int sink, below, depth_now, steps, every = 1;
static const unsigned char *last;

// What the instruction does to the number of frames.
static int change(const unsigned char *code)
{
    if (code[0] == 0x0f && code[1] == 0x05)
        code += 2; // The trap of syscall comes after the next instruction.
    while (*code == 0x66 || *code == 0xf2 || *code == 0xf3 || *code == 0x2e || *code == 0x3e || (*code & 0xf0) == 0x40)
        code++;
    if (*code == 0xe8 || (*code == 0xff && (code[1] & 0x38) == 0x10))
        return 1;
    return *code == 0xc3 || *code == 0xc2 ? -1 : 0;
}

static void on_step(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    const unsigned char *now = (const unsigned char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (last)
        depth_now += change(last);
    last = now;
    // The trampoline and this handler.
    if (steps++ % every == 0)
        HIT("main", below + depth_now + 2);
    sink++; // Else the call of the leaf is a tail call, and this function no frame.
}

// Calls the function with the trap flag set.
void step_into(void (*function)(void));
__asm__(".text\nstep_into:\n.cfi_startproc\nsub $8,%rsp\n.cfi_adjust_cfa_offset 8\n"
    "pushfq\n.cfi_adjust_cfa_offset 8\norq $0x100,(%rsp)\npopfq\n.cfi_adjust_cfa_offset -8\nnop\ncall *%rdi\n"
    "pushfq\n.cfi_adjust_cfa_offset 8\nandq $~0x100,(%rsp)\npopfq\n.cfi_adjust_cfa_offset -8\nadd $8,%rsp\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n");

__attribute__((noipa)) static int leaf_sum(int a, int b) { return a + b; }

__attribute__((noipa)) static int realigned(int a, int b)
{
    _Alignas(64) char aligned[64];
    char *space = __builtin_alloca(16 + (size_t)a);
    aligned[b] = *space = (char)a;
    __asm__ volatile("" : : "r"(aligned), "r"(space) : "memory");
    return leaf_sum(a, b) + aligned[b] + *space;
}

__attribute__((noipa)) static int variable(int a, int b)
{
    char space[8 + a];
    memset(space, b, sizeof space);
    return realigned(a, b) + space[a];
}

__attribute__((noipa)) static int registers(int a, int b)
{
    int c = leaf_sum(a, b), d = leaf_sum(b, c), e = leaf_sum(c, d), f = leaf_sum(d, e), g = leaf_sum(e, f);
    return leaf_sum(a, b) + c * d + e * f + g + variable(a, b);
}

static void own(void) { sink += registers(3, 5) + 1; }

static void clock_vdso(void)
{
    struct timespec time;
    sink += clock_gettime(CLOCK_MONOTONIC, &time) + 1;
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void sort(void)
{
    int numbers[] = {5, 3, 9, 1, 7};
    qsort(numbers, 5, sizeof *numbers, compare);
    sink += numbers[0];
}

static void print(void)
{
    char text[64];
    sink += snprintf(text, sizeof text, "%d %s", 42, "forty-two");
}

// The first call of a function binds it: the loader's resolver runs in between.
static void bind(void) { sink += (int)labs(atol("-7")); }

__attribute__((noipa)) static void rec(int level, int depth, void (*function)(void))
{
    if (level < depth)
        rec(level + 1, depth, function);
    else {
        below = level + 2;
        depth_now = 0;
        last = NULL;
        step_into(function);
        if (depth_now != 0)
            exit(3);
    }
    sink++;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*function)(void); int every; } Modes[] = {
        {"own", own, 1}, {"vdso", clock_vdso, 1}, {"qsort", sort, 2}, {"printf", print, 3}, {"bind", bind, 5},
    };
    if (argc != 6)
        return 2;
    walk_open(argv[4], argv[5]);
    // Not deferred: a debugger's breakpoint in the handler would be a blocked trap, which resets the action.
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGTRAP, &action, NULL);
    for (unsigned i = 0; i < sizeof Modes / sizeof *Modes; i++)
        if (!strcmp(Modes[i].name, argv[1])) {
            every = Modes[i].every;
            for (int repeat = walk_number(argv[3]); repeat > 0; repeat--)
                rec(1, walk_number(argv[2]), Modes[i].function);
            return 0;
        }
    return 2;
}
