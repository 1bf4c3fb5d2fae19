// Recursion that knows how many activations of each probed function are live on its thread: counted at entry and exit, and put back where a jump leaves functions without their exit.
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
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

enum { Threads = 8, Large = 1 << 28, Own = 1 << 16 };

static __thread int live, live_other;
static __thread unsigned seed;
static __thread long budget;
static int depth;
static volatile int sink;
static jmp_buf back_to;

static unsigned next(void)
{
    return (seed = seed * 1103515245 + 12345) >> 8;
}

// Recurses to the depth, and calls itself once more at each level of the way back.
__attribute__((noipa)) void probed_deep(int level)
{
    answer("deep", ++live, level);
    if (level < depth) {
        probed_deep(level + 1);
        probed_deep(depth);
    }
    live--;
    sink++;
}

// Goes up and down at random, by itself and by way of others, with frames of different sizes. What has returned leaves its marks in memory that the next ones never touch.
__attribute__((noipa)) void probed_random(int level);

__attribute__((noipa)) static void by_way_of_room(int level, int size)
{
    volatile char room[size];
    probed_random(level);
    sink += size > 100000 ? room[0] : 0;
}

__attribute__((noipa)) static void by_way(int level)
{
    probed_random(level);
    sink++;
}

__attribute__((noipa)) static void by_ways(int level)
{
    by_way_of_room(level, 1000);
    by_way(level);
    sink++;
}

static void (*volatile ways[])(int) = {probed_random, by_way, by_ways, probed_random};

__attribute__((noipa)) void probed_random(int level)
{
    answer("random", ++live, level);
    while (budget > 0 && next() % 100 >= (level > depth ? 95u : 40u)) {
        budget--;
        switch (next() % 4) {
        case 0:
            probed_random(level + 1);
            break;
        case 1:
            by_way_of_room(level + 1, 16 + next() % 3 * 200);
            break;
        default:
            ways[next() % 4](level + 1);
        }
        if (next() % 50 == 0)
            break;
    }
    live--;
    sink++;
}

// The same with a frame that it makes larger now and then.
__attribute__((noipa)) void probed_alloca(int level)
{
    answer("alloca", ++live, level);
    for (int turn = 0; turn < 3 && level < depth; turn++) {
        volatile char *room = __builtin_alloca(32 + turn * 300);
        probed_alloca(turn == 2 ? level + 1 : depth);
        sink += room == NULL;
    }
    live--;
}

__attribute__((noipa)) void probed_pong(int level);

__attribute__((noipa)) void probed_ping(int level)
{
    answer("ping", ++live, level);
    if (level < depth)
        probed_pong(level + 1);
    if (level % 3 == 0)
        probed_pong(depth);
    live--;
    sink++;
}

__attribute__((noipa)) void probed_pong(int level)
{
    answer("pong", ++live_other, level);
    if (level < depth)
        probed_ping(level + 1);
    live_other--;
    sink++;
}

__attribute__((noipa)) void probed_jump(int level, int until)
{
    answer("jump", ++live, level);
    if (level == until)
        longjmp(back_to, 1);
    if (level < until)
        probed_jump(level + 1, until);
    live--;
    sink++;
}

static void jump(void)
{
    for (volatile int round = 0; round < 20; round++) {
        volatile int before = live;
        if (!setjmp(back_to))
            probed_jump(1, 1 + round * depth / 20);
        live = before;
    }
}

// Each call in tail position takes the place of its caller: one activation is live, however far it goes. At -O2.
int probed_tail(int level);
static int (*volatile tail)(int) = probed_tail;
__attribute__((noipa)) int probed_tail(int level)
{
    answer("tail", 1, level);
    return level == depth ? level : tail(level + 1);
}

// A handler that recurses, on a stack of its own or not.
static int in_handler;
static void handler(int signal)
{
    (void)signal;
    in_handler = 1;
    probed_deep(depth - 20);
    in_handler = 0;
}

__attribute__((noipa)) void probed_raise(int level)
{
    answer("raise", ++live_other, level);
    if (level < 10)
        probed_raise(level + 1);
    raise(SIGUSR1);
    live_other--;
    sink++;
}

// The signal comes within the recursion of the function that the handler calls too.
__attribute__((noipa)) void probed_within(int level)
{
    answer(in_handler ? "signal" : "own", ++live, level);
    if (in_handler) {
        if (level < 15)
            probed_within(level + 1);
    } else {
        if (level < 10)
            probed_within(level + 1);
        if (level % 4 == 0)
            raise(SIGUSR2);
        if (level < 10)
            probed_within(10);
    }
    live--;
    sink++;
}

static void handler_within(int signal)
{
    (void)signal;
    in_handler = 1;
    probed_within(11);
    in_handler = 0;
}

static void on_signals(void (*work)(int), int number, void (*function)(int), void *stack, size_t size)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = size};
    if (stack)
        sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_handler = function, .sa_flags = stack ? SA_ONSTACK : 0};
    sigaction(number, &action, NULL);
    work(1);
}

static ucontext_t context, back;
static int on_coroutine;

// Its own recursion, a switch to a coroutine and back at each level, and a coroutine that recurses between two switches.
__attribute__((noipa)) void probed_switch(int level)
{
    if (on_coroutine) {
        answer("other", ++live_other, level);
        if (level < 12)
            probed_switch(level + 1);
        if (level == 6)
            swapcontext(&context, &back), on_coroutine = 1;
        live_other--;
    } else {
        answer("own", ++live, level);
        if (level < 10)
            probed_switch(level + 1);
        on_coroutine = 1, swapcontext(&back, &context), on_coroutine = 0;
        if (level < 10)
            probed_switch(10);
        live--;
    }
    sink++;
}

static void coroutine(void)
{
    for (;;) {
        probed_switch(1);
        swapcontext(&context, &back);
    }
}

static void coroutines(void *stack, size_t size)
{
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = size;
    makecontext(&context, coroutine, 0);
    probed_switch(1);
}

static pthread_barrier_t barrier;

static void *run_random(void *number)
{
    seed = (unsigned)(long)number;
    // Nobody makes threads any more, or ends one, which takes the lock of the mappings.
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < 8; round++) {
        budget = 400;
        probed_random(1);
    }
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void threads(void *(*work)(void *), int count, int repeat)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 24);
    pthread_barrier_init(&barrier, NULL, count);
    while (repeat-- > 0) {
        pthread_t ids[Threads];
        for (long i = 0; i < count; i++)
            pthread_create(&ids[i], &attributes, work, (void *)(i + 1 + repeat * 100L));
        for (int i = 0; i < count; i++)
            pthread_join(ids[i], NULL);
    }
}

// Dies in mid-recursion, so that what was live stays in the books unless somebody looks.
__attribute__((noipa)) void probed_die(int level)
{
    answer("die", ++live, level);
    if (level == depth)
        pthread_exit(NULL);
    if (level < depth)
        probed_die(level + 1);
    sink++;
}

static volatile int last_id;

static void *run_die(void *ignored)
{
    last_id = gettid();
    probed_die(1);
    return ignored;
}

// The next thread gets the id of the last one, if that is wanted.
static void churn(int count, int same)
{
    while (count-- > 0) {
        pthread_t id;
        FILE *file = same && last_id ? fopen("/proc/sys/kernel/ns_last_pid", "w") : NULL;
        if (file) {
            fprintf(file, "%d", last_id - 1);
            fclose(file);
        }
        pthread_create(&id, NULL, run_die, NULL);
        pthread_join(id, NULL);
    }
}

__attribute__((noipa)) void probed_fork(int level)
{
    answer("fork", ++live, level);
    if (level < 10)
        probed_fork(level + 1);
    else if (level == 10 && !fork()) {
        probed_fork(11);
        probed_fork(11);
        _exit(0);
    }
    live--;
    sink++;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    const char *mode = argv[1];
    depth = atoi(argv[2]);
    answers_open(argv[3]);
    seed = 1;
    char own[Own];
    if (!strcmp(mode, "deep"))
        probed_deep(1);
    else if (!strcmp(mode, "random"))
        pthread_barrier_init(&barrier, NULL, 1), run_random((void *)7);
    else if (!strcmp(mode, "alloca"))
        probed_alloca(1);
    else if (!strcmp(mode, "mutual"))
        probed_ping(1);
    else if (!strcmp(mode, "jump"))
        jump();
    else if (!strcmp(mode, "tail"))
        probed_tail(1);
    else if (!strcmp(mode, "signal"))
        on_signals(probed_raise, SIGUSR1, handler, NULL, 0);
    else if (!strcmp(mode, "alternate"))
        on_signals(probed_raise, SIGUSR1, handler, malloc(1 << 16), 1 << 16);
    else if (!strcmp(mode, "within"))
        on_signals(probed_within, SIGUSR2, handler_within, malloc(1 << 16), 1 << 16);
    else if (!strcmp(mode, "within-own"))
        on_signals(probed_within, SIGUSR2, handler_within, own, sizeof own);
    else if (!strcmp(mode, "within-same"))
        on_signals(probed_within, SIGUSR2, handler_within, NULL, 0);
    else if (!strcmp(mode, "coroutine"))
        coroutines(malloc(Large), Large);
    else if (!strcmp(mode, "coroutine-own"))
        coroutines(own, sizeof own);
    else if (!strcmp(mode, "threads"))
        threads(run_random, Threads, 3);
    else if (!strcmp(mode, "churn"))
        churn(50, 1);
    else if (!strcmp(mode, "many"))
        churn(9000, 0);
    else if (!strcmp(mode, "fork")) {
        probed_fork(1);
        while (wait(NULL) > 0)
            ;
    } else
        return 2;
    return 0;
}
