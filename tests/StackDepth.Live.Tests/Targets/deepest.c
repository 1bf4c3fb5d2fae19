// Calls leaf() at the end of chains of calls, and reports what its callers are, as libgcc's unwinder finds them: "F tid address ...", the innermost caller first.
#define _GNU_SOURCE
#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { Most = 200000, Threads = 8 };

static __thread int reports, hits;
static __thread void **frames;
static volatile char *fresh;
static pthread_barrier_t all_there;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static unsigned state;
static char task;

// Enters the kernel from the frame of leaf() itself: by a system call, by a page that is not there yet, or by an interrupt of the profile's while it spins.
static inline __attribute__((always_inline)) void enter_kernel(void)
{
    if (task == 's') {
        for (int i = 0; i < 100; i++) {
            long result = 110; // getppid
            __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
        }
    } else if (task == 'p') {
        for (int i = 0; i < 300; i++)
            fresh[i << 12] = 1;
    } else
        for (volatile long i = 0; i < 800000000; i++) {
        }
}

__attribute__((noipa)) void leaf(int value)
{
    if (!reports)
        return;
    if (task)
        enter_kernel();
    int count = backtrace(frames, Most);
    pthread_mutex_lock(&output);
    printf("F %d", gettid());
    for (int frame = 1; frame < count; frame++)
        printf(" %lx", (unsigned long)frames[frame]);
    printf("\n");
    pthread_mutex_unlock(&output);
    hits += value;
}

// Each with a frame of its own, and work after the call.
#define FUNCTION(name, next) \
    __attribute__((noipa)) void name(int level) \
    { \
        char space[24 + sizeof #name]; \
        memset(space, level, sizeof space); \
        next; \
        hits += space[level % sizeof space]; \
    }
#define LAST_OR(next) if (level > 0) next(level - 1); else leaf(level)

void odd(int level);
FUNCTION(even, LAST_OR(odd))
FUNCTION(odd, LAST_OR(even))

// Comes by leaf() at every level.
FUNCTION(each, leaf(level); if (level > 0) each(level - 1))

static void next(int level);
FUNCTION(first, next(level))
FUNCTION(second, next(level))
FUNCTION(third, next(level))
FUNCTION(fourth, next(level))
FUNCTION(fifth, next(level))

// A chain that does not repeat itself.
__attribute__((noipa)) static void next(int level)
{
    static void (*const functions[])(int) = {first, second, third, fourth, fifth};
    state = state * 1103515245 + 12345;
    if (level > 0)
        functions[(state >> 16) % 5](level - 1);
    else
        leaf(level);
    hits++;
}

static int depth;

static void *run(void *number)
{
    char name[16];
    snprintf(name, sizeof name, "thread \033[%d", (int)(long)number);
    pthread_setname_np(pthread_self(), name);
    // No mapping changes from here on: a walk that comes upon one in the making would have to wait for it.
    frames = malloc(Most * sizeof *frames);
    pthread_barrier_wait(&all_there);
    reports = 1;
    even(depth + 7 * (int)(long)number);
    reports = 0;
    // Less deep, again and again, while others are at it.
    for (int i = 0; i < 300; i++)
        each(i % 40);
    pthread_barrier_wait(&all_there);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 1 << 28;
    setrlimit(RLIMIT_STACK, &limit);
    void *first_use[1];
    backtrace(first_use, 1);
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    frames = malloc(Most * sizeof *frames);
    pthread_barrier_init(&all_there, NULL, Threads);
    depth = atoi(argv[2]);
    fresh = mmap(NULL, 300 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise((void *)fresh, 300 << 12, MADV_NOHUGEPAGE);
    reports = 1;
    if (!strcmp(argv[1], "enter")) {
        task = argv[3][0];
        if (!freopen(argv[4], "w", stdout))
            return 3;
        even(depth);
    } else if (!strcmp(argv[1], "even"))
        even(depth);
    else if (!strcmp(argv[1], "random")) {
        state = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
        next(depth);
    } else if (!strcmp(argv[1], "each")) {
        reports = 0;
        each(depth);
    } else if (!strcmp(argv[1], "threads")) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 1 << 26);
        pthread_t threads[Threads];
        for (long i = 0; i < Threads; i++)
            pthread_create(&threads[i], &attributes, run, (void *)i);
        for (int i = 0; i < Threads; i++)
            pthread_join(threads[i], NULL);
    } else if (!strcmp(argv[1], "serve")) {
        // Does what it is told, line by line, until its input ends.
        char line[64];
        reports = 0;
        while (fgets(line, sizeof line, stdin)) {
            even(atoi(line));
            printf("ok\n");
            fflush(stdout);
        }
    } else
        return 2;
    return 0;
}
