// A program without libc, all of it with frame pointers, whose outermost frame says that nobody called it: the one whose stacks a walk by frame pointers can prove.
#include "walk.h"

static volatile int sink;

__attribute__((noipa)) static void rec(int level, int depth)
{
    VISIT("start", level + 2, level, depth);
    if (level < depth)
        rec(level + 1, depth);
    sink++;
}

__attribute__((noreturn, used)) static void begin(long *stack)
{
    char **argv = (char **)(stack + 1);
    int status = 2;
    if (stack[0] == 6) {
        walk_open(argv[4], argv[5]);
        for (int repeat = walk_number(argv[3]); repeat > 0; repeat--)
            rec(1, walk_number(argv[2]));
        status = 0;
    }
    __asm__ volatile("syscall" : : "a"(231), "D"(status) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

__asm__(".text\n.globl _start\n.type _start,@function\n_start:\n.cfi_startproc\n.cfi_undefined %rip\n"
    "xor %ebp,%ebp\nmov %rsp,%rdi\nand $-16,%rsp\ncall begin\nhlt\n.cfi_endproc\n.size _start,.-_start\n");
