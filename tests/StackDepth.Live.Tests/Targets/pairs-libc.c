// An ordinary program with libc. It tells the depth of leaf(), as libgcc's unwinder finds it, as a line "depth N" in the file that REPORT names.
//   nested LEVELS         leaf() under so many calls
//   signal LEVELS         leaf() in a signal's handler, under so many calls
//   jump N LEVELS         N times: goes so many levels down to leaf(), and back by longjmp
//   threads N             thread k of N is called t<k> and calls leaf() k + 1 times; the first thread never does
#define _GNU_SOURCE
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define APART __attribute__((noipa))

static jmp_buf top;
static char task;
static int told;
static void *frames[100000];

APART void measure(void) {
    // This function's frame stands for leaf()'s.
    int depth = backtrace(frames, 100000);
    FILE *report = getenv("REPORT") ? fopen(getenv("REPORT"), "a") : 0;
    if (report) {
        fprintf(report, "depth %d\n", depth);
        fclose(report);
    }
    __asm__ volatile("");
}

// Pushes first, as where the kernel's walk looks for the caller.
__asm__(".globl leaf\n.type leaf,@function\nleaf:\n.cfi_startproc\npush %rbp\n.cfi_adjust_cfa_offset 8\npop %rbp\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n.size leaf,.-leaf\n");
void leaf(void);

static void handle(int number) {
    (void)number;
    leaf();
    measure();
}

APART int nested(int level) {
    char space[32];
    memset(space, level, sizeof space);
    __asm__ volatile("" ::"r"(space) : "memory");
    if (level > 0) nested(level - 1);
    else if (task == 's') raise(SIGUSR1);
    else {
        leaf();
        if (!told++) measure();
        if (task == 'j') longjmp(top, 1);
    }
    __asm__ volatile("" ::"r"(space) : "memory");
    return space[0];
}

static void *run(void *argument) {
    long k = (long)argument;
    char name[16];
    snprintf(name, sizeof name, "t%ld", k);
    pthread_setname_np(pthread_self(), name);
    for (long i = 0; i <= k; i++) leaf();
    return 0;
}

int main(int argc, char **argv) {
    (void)argc;
    int a = atoi(argv[2]);
    task = argv[1][0];
    signal(SIGUSR1, handle);
    backtrace(frames, 1); // loads the unwinder, before anything is counted
    if (task == 't') {
        pthread_t threads[16];
        for (long k = 0; k < a; k++) pthread_create(&threads[k], 0, run, (void *)k);
        for (int k = 0; k < a; k++) pthread_join(threads[k], 0);
    } else if (task == 'j') {
        for (volatile int i = 0; i < a; i++)
            if (!setjmp(top)) nested(atoi(argv[3]));
    } else
        nested(a);
    return 0;
}
