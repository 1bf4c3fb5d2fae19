// Functions that return, each in its own way; the program says what came of it. One command a line, or an argument; "ok" after each.
#define _GNU_SOURCE
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

static volatile int64_t sink;
static void *frames[100000];

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

KEEP int64_t answer(int64_t value) { sink += value; return value; }
KEEP int answer_int(int64_t value) { sink += value; return (int)value; }

KEEP void sleeps(int milliseconds) { usleep((useconds_t)milliseconds * 1000); sink++; }

// Answers its level.
KEEP int recurse(int level, int depth) { int deeper = level < depth ? recurse(level + 1, depth) : 0; sink += deeper; return level; }

// The caller of deep's returns: how deep it is says its own unwinder, where no return address has been replaced.
KEEP int deep(int level, int depth)
{
    int below = level < depth ? deep(level + 1, depth) : 0;
    sink += below;
    return level;
}

KEEP int measure(int level, int depth) { int found = level < depth ? measure(level + 1, depth) : backtrace(frames, 100000); sink += found; return found; }

static jmp_buf back;
KEEP int jumps(int level, int depth) { if (level == depth) longjmp(back, 1); int below = jumps(level + 1, depth); sink += below; return level; }

KEEP int last(int value) { sink += value; return value + 1; }
KEEP int tail(int value) { sink++; return last(value); }

KEEP int forks(void)
{
    pid_t child = fork();
    if (child)
        waitpid(child, NULL, 0);
    return child ? 1 : 2;
}

KEEP int child(void) { int who = forks(); if (who == 2) _exit(0); return who; }

struct work { int count, depth; };

static void *worker(void *argument)
{
    struct work *work = argument;
    for (int i = 0; i < work->count; i++)
        recurse(1, work->depth);
    return NULL;
}

int main(int argc, char **argv)
{
    char line[200], name[100];
    for (int i = 1; argc > 1 ? i < argc : fgets(line, sizeof line, stdin) != NULL; i++) {
        if (argc > 1)
            snprintf(line, sizeof line, "%s", argv[i]);
        int64_t a = 0, b = 0;
        if (sscanf(line, "%99s %ld %ld", name, &a, &b) < 1)
            return 2;
        if (!strcmp(name, "answer"))
            printf("%ld\n", answer(a));
        else if (!strcmp(name, "int"))
            printf("%d\n", answer_int(a));
        else if (!strcmp(name, "sleep")) {
            int64_t start = now();
            sleeps((int)a);
            printf("%ld\n", now() - start);
        } else if (!strcmp(name, "recurse")) {
            int64_t start = now();
            recurse(1, (int)a);
            printf("%ld\n", now() - start);
        } else if (!strcmp(name, "measure"))
            printf("%d\n", measure(1, (int)a));
        else if (!strcmp(name, "deep"))
            printf("%d\n", deep(1, (int)a));
        else if (!strcmp(name, "jump")) {
            if (!setjmp(back))
                jumps(1, (int)a);
        } else if (!strcmp(name, "parent")) {
            int64_t start = now();
            for (int i = 0; i < a; i++)
                sink += getppid();
            printf("%ld\n", now() - start);
            printf("%d\n", getppid());
        } else if (!strcmp(name, "tail"))
            printf("%d\n", tail((int)a));
        else if (!strcmp(name, "fork"))
            printf("%d\n", child());
        else if (!strcmp(name, "threads")) {
            pthread_t threads[8];
            struct work work = {(int)a, (int)b};
            for (int i = 0; i < 8; i++)
                pthread_create(&threads[i], NULL, worker, &work);
            for (int i = 0; i < 8; i++)
                pthread_join(threads[i], NULL);
        } else
            return 3;
        puts("ok");
        fflush(stdout);
    }
    return 0;
}
