// Recursion on stacks other than the first: threads, clone, contexts, and processes after fork and exec.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "walk.h"

enum { Threads = 4, Large = 1 << 28 };

static __thread volatile int sink;
static int depth, repeats;

__attribute__((noipa)) static void rec(const char *tag, int level, int extra)
{
    VISIT(tag, level + extra, level, depth);
    if (level < depth)
        rec(tag, level + 1, extra);
    sink++;
}

static void *run(void *ignored)
{
    for (int repeat = repeats; repeat > 0; repeat--)
        rec("thread", 1, 1);
    return ignored;
}

static volatile int done;

// A thread that libpthread does not know.
static int run_clone(void *ignored)
{
    (void)ignored;
    for (int repeat = repeats; repeat > 0; repeat--)
        rec("clone", 1, 1);
    done = 1;
    return 0;
}

static ucontext_t context, back;

static void run_context(void)
{
    for (int repeat = repeats; repeat > 0; repeat--)
        rec("context", 1, 1);
}

static void *large(void)
{
    return mmap(NULL, Large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    walk_open(argv[4], argv[5]);
    depth = walk_number(argv[2]);
    repeats = walk_number(argv[3]);
    int status;
    if (!strcmp(argv[1], "threads")) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, Large);
        pthread_t threads[Threads];
        for (int i = 0; i < Threads; i++)
            pthread_create(&threads[i], &attributes, run, NULL);
        for (int i = 0; i < Threads; i++)
            pthread_join(threads[i], NULL);
    } else if (!strcmp(argv[1], "clone")) {
        if (clone(run_clone, (char *)large() + Large, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL) < 0)
            return 8;
        while (!done)
            usleep(1000);
        rec("main", 1, 1);
    } else if (!strcmp(argv[1], "context")) {
        getcontext(&context);
        context.uc_stack.ss_sp = large();
        context.uc_stack.ss_size = Large;
        context.uc_link = &back;
        makecontext(&context, run_context, 0);
        swapcontext(&back, &context);
    } else if (!strcmp(argv[1], "fork")) {
        rec("main", 1, 1);
        int child = fork();
        rec("main", 1, 1);
        if (!child)
            _exit(0);
        waitpid(child, &status, 0);
    } else if (!strcmp(argv[1], "exec")) {
        rec("main", 1, 1);
        execl("/proc/self/exe", argv[0], "fork", argv[2], argv[3], argv[4], argv[5], NULL);
        return 4;
    } else
        return 2;
    return 0;
}
