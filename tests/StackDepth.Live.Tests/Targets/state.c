// Opens and closes keys in many threads, each from a depth of its own. Reports each close: "P tid key frames opener", by how many frames it was deeper than what the same thread opened in that round, and which
// thread had opened the key; and each look of a new thread: "L tid".
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { Threads = 8, Deepest = 60 };

static pthread_barrier_t step;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static int ids[Threads], rounds;
static volatile long sink;

__attribute__((noipa)) void opened(long key) { sink = key; }

__attribute__((noipa)) void closed(long key)
{
    sink = key;
    syscall(SYS_getppid);
}

__attribute__((noipa)) void look(long key) { sink = key; }

__attribute__((noipa)) void down(int frames, void (*leaf)(long), long key)
{
    char space[40];
    memset(space, frames, sizeof space);
    if (frames == 0)
        leaf(key);
    else
        down(frames - 1, leaf, key);
    sink = space[frames % 40];
}

static void *run(void *number)
{
    int self = (int)(long)number, next = (self + 1) % Threads;
    unsigned state = (unsigned)self + 1;
    ids[self] = gettid();
    pthread_barrier_wait(&step);
    for (int round = 0; round < rounds; round++) {
        int above = rand_r(&state) % Deepest, below = rand_r(&state) % Deepest;
        down(above, opened, self * 1000000L + round);
        pthread_barrier_wait(&step);
        long key = next * 1000000L + round;
        down(below, closed, key);
        pthread_mutex_lock(&output);
        printf("P %d %ld %d %d\n", gettid(), key, below - above, ids[next]);
        pthread_mutex_unlock(&output);
        pthread_barrier_wait(&step);
    }
    return NULL;
}

static void *look_and_open(void *unused)
{
    look(0);
    opened(0);
    look(1);
    printf("L %d\n", gettid());
    return unused;
}

// Threads one after another, each with the id that the one before had.
static void again(int count)
{
    int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
    if (last < 0)
        exit(3);
    for (int thread = 0; thread < count; thread++) {
        char text[16];
        pthread_t id;
        int length = snprintf(text, sizeof text, "%d", getpid() > 20000 ? getpid() - 10000 : getpid() + 2000);
        if (pwrite(last, text, length, 0) != length)
            exit(4);
        pthread_create(&id, NULL, look_and_open, NULL);
        pthread_join(id, NULL);
    }
}

int main(int count, char **arguments)
{
    rounds = atoi(arguments[2]);
    if (strcmp(arguments[1], "again") == 0) {
        again(rounds);
        return 0;
    }
    pthread_t threads[Threads];
    pthread_barrier_init(&step, NULL, Threads);
    for (long thread = 0; thread < Threads; thread++)
        pthread_create(&threads[thread], NULL, run, (void *)thread);
    for (int thread = 0; thread < Threads; thread++)
        pthread_join(threads[thread], NULL);
    if (count > 3)
        for (volatile long i = 0; i < 300000000; i++) {
        }
    return 0;
}
