// Stacks of all kinds, measured by the program itself at each call of the probed function: bytes in use, from the return address to the stack's end, and bytes down to its limit.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "answers.h"

enum { Stack = 1 << 20, Alternate = 1 << 16, Page = 4096 };

static __thread char *low, *end; // the stack that the thread is on; low is 0 for the process's
static const char *tag = "main";
static volatile long sink;

static char *end_of_stack(void)
{
    unsigned long start, stop, found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx", &start, &stop) == 2 && strstr(line, "[stack]"))
            found = stop;
    fclose(maps);
    return (char *)found;
}

__attribute__((noipa)) void probed(void)
{
    // At the entry the stack pointer is at the return address.
    char *sp = (char *)__builtin_frame_address(0) + 8;
    long used = end - sp, left = sp - low;
    if (!low) {
        struct rlimit limit;
        getrlimit(RLIMIT_STACK, &limit);
        left = limit.rlim_cur == RLIM_INFINITY ? 0x7fffffffffffffff : (long)limit.rlim_cur > used ? (long)limit.rlim_cur - used : 0;
    }
    answer(tag, used, left);
    sink++;
}

__attribute__((noipa)) static void at_depths(int level)
{
    volatile char room[64 + level % 7 * 500];
    room[0] = 1;
    probed();
    if (level > 0)
        at_depths(level - 1);
    sink += room[0];
}

static void of_thread(void)
{
    pthread_attr_t attributes;
    void *start;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &start, &size);
    pthread_attr_destroy(&attributes);
    low = start;
    end = low + size;
}

static pthread_barrier_t barrier;

static void *run(void *ignored)
{
    of_thread();
    // Nobody makes threads any more, which takes the lock of the mappings.
    pthread_barrier_wait(&barrier);
    at_depths(40);
    return ignored;
}

static void handler(int signal)
{
    (void)signal;
    char *before_low = low, *before_end = end;
    stack_t alternate;
    sigaltstack(NULL, &alternate);
    low = alternate.ss_sp;
    end = low + alternate.ss_size;
    tag = "signal";
    at_depths(10);
    tag = "main";
    low = before_low;
    end = before_end;
}

static void *run_signals(void *stack)
{
    if (!stack)
        stack = alloca(Alternate);
    stack_t alternate = {.ss_sp = stack, .ss_size = Alternate};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    at_depths(3);
    raise(SIGUSR1);
    at_depths(3);
    return NULL;
}

static void *run_own_signals(void *ignored)
{
    of_thread();
    pthread_barrier_wait(&barrier);
    run_signals(NULL);
    return ignored;
}

static ucontext_t context, back;

static void coroutine(void)
{
    tag = "other";
    at_depths(10);
    tag = "main";
}

static void limits(void)
{
    struct rlimit before, limit;
    getrlimit(RLIMIT_STACK, &before);
    const rlim_t values[] = {before.rlim_cur, 4 << 20, (4 << 20) + 1234, Page, 64 << 20, before.rlim_max};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        limit = (struct rlimit){values[i], before.rlim_max};
        if (setrlimit(RLIMIT_STACK, &limit))
            continue;
        probed();
    }
    setrlimit(RLIMIT_STACK, &before);
}

static void threads(void *(*work)(void *), int count, void *memory)
{
    pthread_t ids[8];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, Stack);
    if (memory)
        pthread_attr_setstack(&attributes, memory, Stack);
    pthread_barrier_init(&barrier, NULL, count);
    for (int i = 0; i < count; i++)
        pthread_create(&ids[i], &attributes, work, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const char *mode = argv[1];
    answers_open(argv[2]);
    end = end_of_stack();
    if (!strcmp(mode, "main"))
        at_depths(300);
    else if (!strcmp(mode, "limits"))
        limits();
    else if (!strcmp(mode, "threads"))
        threads(run, 8, NULL);
    else if (!strcmp(mode, "given")) {
        // A stack of the program's own in the middle of a mapping.
        char *memory = mmap(NULL, 4 * Stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        threads(run, 1, memory + Stack);
    } else if (!strcmp(mode, "alternate"))
        run_signals(malloc(Alternate));
    else if (!strcmp(mode, "alternate-own"))
        run_signals(NULL);
    else if (!strcmp(mode, "alternate-thread"))
        threads(run_own_signals, 2, NULL);
    else if (!strcmp(mode, "fork")) {
        at_depths(10);
        if (!fork()) {
            at_depths(10);
            _exit(0);
        }
        wait(NULL);
    } else if (!strcmp(mode, "coroutine")) {
        char *memory = mmap(NULL, Stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(memory, Page, PROT_NONE);
        getcontext(&context);
        context.uc_stack.ss_sp = memory;
        context.uc_stack.ss_size = Stack;
        context.uc_link = &back;
        makecontext(&context, coroutine, 0);
        at_depths(3);
        swapcontext(&back, &context);
        at_depths(3);
    } else
        return 2;
    return 0;
}
