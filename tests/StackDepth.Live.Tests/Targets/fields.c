// Makes system calls whose arguments it prints, a line each: the name, and the numbers as the kernel is given them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static FILE *out;

static void call(const char *name, long number, long a, long b, long c) {
    long result = syscall(number, a, b, c);
    if (result < 0) result = -1;
    fprintf(out, "%s %ld %ld %ld %ld\n", name, a, b, c, result);
}

int main(int argc, char **argv) {
    out = fopen(argv[1], "w");
    // Numbers of which the system call looks at 32 bits, and at 16.
    call("getpriority", SYS_getpriority, 0x7700000000L + 99, -5, 0);
    call("getpriority", SYS_getpriority, -1, 2147483647, 0);
    call("lseek", SYS_lseek, -1, 1L << 40, 77);
    call("lseek", SYS_lseek, 0x100000000L + 4000000000L, -(1L << 50), 3000000000L);
    call("fchmod", SYS_fchmod, -1, 0x10000 + 0644, 0);
    // Reads of a file of its own: what each asks for, and what it gets.
    int file = open(argv[1], O_RDONLY | O_CREAT, 0600);
    struct stat status;
    fstat(file, &status);
    char buffer[4096];
    fflush(out);
    for (long count = 1; count <= 5; count++) {
        long got = read(file, buffer, count * 3);
        fprintf(out, "read %ld %ld %lu 0\n", count * 3, got, (unsigned long)status.st_ino);
    }
    // Switches from this thread to others.
    for (int i = 0; i < 20; i++) {
        struct timespec time = {0, 100000};
        nanosleep(&time, NULL);
    }
    fprintf(out, "self %d %d 0 0\n", getpid(), getppid());
    fclose(out);
    return 0;
}
