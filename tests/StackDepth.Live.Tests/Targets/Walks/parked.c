// Threads that wait in system calls at known depths. Each argument is KIND:DEPTH, a thread of its own, or main:KIND:DEPTH, the first one. A line "TID KIND DEPTH" is written by each before it waits.
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { Large = 1 << 26, Most = 256 };

static volatile int sink;
static volatile int rounds = 1;
static int silent[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static __thread const char *kind;
static __thread int depth;

static void say(void)
{
    char line[100];
    int length = snprintf(line, sizeof line, "%d %s %d\n", (int)syscall(SYS_gettid), kind, depth);
    if (write(1, line, length) != length)
        _exit(7);
}

static void wait_for_byte(void)
{
    char byte;
    while (read(silent[0], &byte, 1) != 1)
        ;
}

// Written before the program came here: between this and the wait is nothing that takes a lock.
__attribute__((noipa)) static void handler(int number)
{
    (void)number;
    wait_for_byte();
    sink++;
}

__attribute__((noipa)) static void outer_handler(int number)
{
    (void)number;
    raise(SIGUSR1);
    sink++;
}

__attribute__((noipa)) static void handle(int number, void (*function)(int), int flags)
{
    struct sigaction action = { .sa_handler = function, .sa_flags = flags };
    sigaction(number, &action, NULL);
    if (flags & SA_ONSTACK) {
        static __thread stack_t other;
        other.ss_size = 65536;
        other.ss_sp = mmap(NULL, other.ss_size + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        sigaltstack(&other, NULL);
    }
}

__attribute__((noipa)) static void park(void)
{
    struct timespec day = { .tv_sec = 86400 };
    if (!strcmp(kind, "futex")) {
        pthread_mutex_lock(&mutex);
        pthread_cond_wait(&never, &mutex);
    } else if (!strcmp(kind, "read") || !strcmp(kind, "hijacked") || !strcmp(kind, "wide"))
        wait_for_byte();
    else if (!strcmp(kind, "nanosleep"))
        while (nanosleep(&day, &day))
            ;
    else if (!strcmp(kind, "poll"))
        while (poll(&(struct pollfd){ .fd = silent[0], .events = POLLIN }, 1, -1) < 0)
            ;
    else if (!strcmp(kind, "epoll")) {
        struct epoll_event event = { .events = EPOLLIN };
        int waited = epoll_create1(0);
        epoll_ctl(waited, EPOLL_CTL_ADD, silent[0], &event);
        while (epoll_wait(waited, &event, 1, -1) < 0)
            ;
    } else if (!strcmp(kind, "signal"))
        raise(SIGUSR1);
    else if (!strcmp(kind, "alternate"))
        raise(SIGUSR2);
    else if (!strcmp(kind, "nested"))
        raise(SIGHUP);
    sink++;
}

// Frames of one size, all the way.
__attribute__((noipa)) static void descend(int level)
{
    if (level > 1)
        descend(level - 1);
    else if (rounds)
        park();
    sink++;
}

// Frames of another size.
__attribute__((noipa)) static void descend_wide(int level)
{
    volatile char space[200];
    space[level % 200] = 1;
    if (level > 1)
        descend_wide(level - 1);
    else if (rounds)
        park();
    sink += space[level % 200];
}

__attribute__((noipa)) static void bounce_wide(int level)
{
    volatile char space[200];
    space[level % 200] = 1;
    if (level > 1)
        bounce_wide(level - 1);
    sink += space[level % 200];
}

// Up and down for ever: at each moment the bytes of the stack tell how deep it is.
__attribute__((noipa)) static void bounce(int level)
{
    if (level > 1)
        bounce(level - 1);
    sink++;
}

__attribute__((noipa)) static void spin(int level)
{
    if (level > 1)
        spin(level - 1);
    else
        while (rounds)
            sink++;
    sink++;
}

static unsigned long offset;

static int find(struct dl_phdr_info *info, size_t size, void *ignored)
{
    (void)size, (void)ignored;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        unsigned long start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && (unsigned long)descend - start < header->p_filesz)
            offset = (unsigned long)descend - start + header->p_offset;
    }
    return 1;
}

// A uretprobe of this thread's on the function that recurses.
__attribute__((noipa)) static void hijack(void)
{
    unsigned type = 0;
    FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
    if (!file || fscanf(file, "%u", &type) != 1)
        _exit(5);
    fclose(file);
    dl_iterate_phdr(find, NULL);
    static char self[4096];
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        _exit(6);
    // Bit 0 of config asks for the return (the format file "retprobe" says which bit).
    struct perf_event_attr attributes = { .size = sizeof attributes, .type = type, .config = 1, .config1 = (unsigned long)self, .config2 = offset };
    if (syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0) < 0)
        _exit(8);
}

static void *run(void *argument)
{
    static pthread_mutex_t parsing = PTHREAD_MUTEX_INITIALIZER;
    char *text = strdup(argument), *colon = strchr(text, ':');
    if (!colon)
        _exit(3);
    *colon = 0;
    kind = text;
    depth = atoi(colon + 1);
    pthread_mutex_lock(&parsing);
    if (!strcmp(kind, "signal"))
        handle(SIGUSR1, handler, 0);
    else if (!strcmp(kind, "alternate"))
        handle(SIGUSR2, handler, SA_ONSTACK);
    else if (!strcmp(kind, "nested")) {
        handle(SIGUSR1, handler, 0);
        handle(SIGHUP, outer_handler, SA_ONSTACK);
    }
    if (!strcmp(kind, "hijacked"))
        hijack();
    say();
    pthread_mutex_unlock(&parsing);
    if (!strcmp(kind, "bounce"))
        for (;;) {
            bounce(depth);
            bounce_wide(depth / 2);
        }
    if (!strcmp(kind, "spin"))
        spin(depth);
    if (!strcmp(kind, "wide"))
        descend_wide(depth);
    else
        descend(depth);
    return NULL;
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (pipe(silent))
        return 1;
    const char *own = "read:1";
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, Large);
    for (int i = 1; i < argc; i++) {
        pthread_t thread;
        if (!strncmp(argv[i], "main:", 5))
            own = argv[i] + 5;
        else if (!strcmp(argv[i], "zombie")) {
            if (!fork())
                _exit(0);
        } else if (pthread_create(&thread, &attributes, run, argv[i]))
            return 2;
    }
    if (!strcmp(own, "exit:0"))
        pthread_exit(NULL);
    run((void *)own);
    return 0;
}
