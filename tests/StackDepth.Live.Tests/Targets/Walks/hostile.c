// Threads that wait in a system call with a stack of their own making. Each argument is a kind; "TID KIND" is written by each before it waits.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { Bytes = 64 << 20, Mappings = 20000 };

// Waits with these in the stack and frame pointers. Its row says that the caller's address lies at the stack pointer.
__attribute__((naked, noinline)) void wait_with(uintptr_t sp, uintptr_t bp)
{
    (void)sp, (void)bp;
    __asm__("mov %rdi, %rsp\n\tmov %rsi, %rbp\n1:\tmov $34, %eax\n\tsyscall\n\tjmp 1b\n");
}

static void *run(void *argument)
{
    const char *kind = argument;
    uintptr_t *stack = mmap(NULL, Bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), sp = (uintptr_t)stack, bp = 0;
    if (!strcmp(kind, "endless")) {
        // Each word is a return address into the function that finds its caller at the stack pointer.
        for (long i = 0; i < Bytes / 8; i++)
            stack[i] = (uintptr_t)wait_with + 1;
    } else if (!strcmp(kind, "circle")) {
        // Frame pointers in code without rows, in a circle.
        unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        stack[0] = (uintptr_t)code + 16;
        stack[16] = (uintptr_t)&stack[18];
        stack[17] = (uintptr_t)code + 16;
        stack[18] = (uintptr_t)&stack[16];
        stack[19] = (uintptr_t)code + 16;
        bp = (uintptr_t)&stack[16];
    } else if (!strcmp(kind, "userfault")) {
        // Pages that this process is asked for, and never gives.
        int fault = syscall(SYS_userfaultfd, O_CLOEXEC);
        struct uffdio_api api = { .api = UFFD_API };
        struct uffdio_register pages = { .range = { .start = (uintptr_t)stack, .len = Bytes }, .mode = UFFDIO_REGISTER_MODE_MISSING };
        if (fault < 0 || ioctl(fault, UFFDIO_API, &api) || ioctl(fault, UFFDIO_REGISTER, &pages))
            kind = "refused";
    } else if (!strcmp(kind, "zero"))
        sp = 0;
    else if (!strcmp(kind, "last"))
        sp = -8ul;
    else if (!strcmp(kind, "kernel"))
        sp = 0xffff888000000000ul;
    else if (!strcmp(kind, "unaligned"))
        sp += 13;
    else if (!strcmp(kind, "edge"))
        sp += Bytes - 8;
    if (!strcmp(kind, "mappings"))
        // Two kinds in turn, so that they do not become one.
        for (int i = 0; i < Mappings; i++)
            mmap(NULL, 4096, i % 2 ? PROT_READ | PROT_EXEC : PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char line[100];
    int length = snprintf(line, sizeof line, "%d %s\n", (int)syscall(SYS_gettid), kind);
    if (write(1, line, length) != length)
        _exit(7);
    wait_with(sp, bp);
    return NULL;
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 1; i < argc; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run, argv[i]))
            return 2;
    }
    run("zero");
}
