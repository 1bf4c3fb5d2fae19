/* Many threads that recurse to a leaf, beside forks and execs that call another one. "soak THREADS" waits for a line with a number of seconds, and at the end reports
   "leaf_own CALLS", "leaf_shared CALLS", "leaf_child CALLS" and "processes FORKED EXECUTED". The same again for each further line. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { child_calls = 3, deepest = 60 };

static atomic_long own, shared, child;
static atomic_int ends;

__attribute__((noipa)) void leaf_own(long n) { __asm__ volatile("" : : "r"(n) : "memory"); }
__attribute__((noipa)) void leaf_shared(long n) { __asm__ volatile("" : : "r"(n) : "memory"); }
__attribute__((noipa)) void leaf_child(long n) { __asm__ volatile("" : : "r"(n) : "memory"); }

__attribute__((noipa)) static void descend(int depth, int which)
{
    if (depth > 0)
        descend(depth - 1, which);
    else if (which)
        leaf_own(which);
    else
        leaf_shared(which);
    __asm__ volatile("" : : : "memory");
}

static void *work(void *argument)
{
    unsigned long state = (unsigned long)argument * 2654435761u + 1;
    long calls[2] = { 0, 0 };
    char name[16];
    snprintf(name, sizeof name, "worker-%lu", (unsigned long)argument % 8);
    pthread_setname_np(pthread_self(), name);
    while (!atomic_load(&ends)) {
        state ^= state << 13; state ^= state >> 7; state ^= state << 17;
        int which = state & 1;
        descend((int)((state >> 8) % deepest), which);
        calls[which]++;
        if ((state >> 20) % 64 == 0)
            usleep(500);
    }
    atomic_fetch_add(&shared, calls[0]);
    atomic_fetch_add(&own, calls[1]);
    return NULL;
}

static void be_child(void)
{
    for (int i = 0; i < child_calls; i++)
        leaf_child(i);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        be_child();
        return 0;
    }
    int threads = argc > 1 ? atoi(argv[1]) : 64;
    pthread_t *workers = calloc(threads, sizeof *workers);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        double until = now() + atof(line);
        long forked = 0, executed = 0;
        own = shared = child = 0;
        ends = 0;
        for (long i = 0; i < threads; i++)
            if (pthread_create(&workers[i], NULL, work, (void *)(i + 1)))
                return 1;
        while (now() < until) {
            int execs = forked % 8 == 0;
            pid_t pid = fork();
            if (pid < 0)
                return 2;
            if (pid == 0) {
                if (execs) {
                    execl("/proc/self/exe", "soak", "child", (char *)NULL);
                    _exit(9);
                }
                be_child();
                _exit(0);
            }
            int status;
            if (waitpid(pid, &status, 0) != pid || status != 0)
                return 3;
            forked++;
            executed += execs;
            child += child_calls;
            usleep(2000);
        }
        ends = 1;
        for (int i = 0; i < threads; i++)
            pthread_join(workers[i], NULL);
        printf("leaf_own %ld\nleaf_shared %ld\nleaf_child %ld\nprocesses %ld %ld\nok\n", own, shared, child, forked, executed);
        fflush(stdout);
    }
    return 0;
}
