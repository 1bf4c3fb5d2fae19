// Makes the system call getppid, whose first argument numbers the calls, as often as a line of its input says: COUNT NANOS. One every NANOS nanoseconds, from the line's beginning on:
// what a preemption held up comes at once. Answers with the nanoseconds that it took, and "ok".
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

int main(void) {
    long count, nanos, number = 0;
    while (scanf("%ld %ld", &count, &nanos) == 2) {
        long begin = now();
        for (long i = 0; i < count; i++) {
            while (now() < begin + i * nanos) { }
            syscall(SYS_getppid, number++);
        }
        printf("%ld\nok\n", now() - begin);
        fflush(stdout);
    }
}
