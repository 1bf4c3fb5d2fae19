// Hits probes as it is told: a line for each hit, from standard input. A line says which of three threads hits, which of three functions, how deep in recursion, with what user and group
// id (-1 to keep it), how often, with which six arguments, and under which name (in hexadecimal). It first says who its threads are, and how many frames its own unwinder finds at a hit without recursion:
// that of the compiler's library, by unwind tables; and, where it keeps frame pointers, a chain of them as the kernel follows it.
//
// Arguments: the CPUs of the three threads.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <unwind.h>

// By their first instruction: the kernel emulates a push and a nop, and steps over the others; its walk knows the caller only at a push. They answer an argument.
#define FUNCTION(name, body) \
    __asm__(".text\n.globl " name "\n.type " name ",@function\n" name ":\n.cfi_startproc\n" body "\n.cfi_endproc\n.size " name ", .-" name "\n.p2align 4\n")
FUNCTION("hit_push", "push %rbp\n.cfi_adjust_cfa_offset 8\nmov %rdi,%rax\npop %rbp\n.cfi_adjust_cfa_offset -8\nret");
FUNCTION("hit_bare", "lea (%rsi),%rax\nret");
FUNCTION("hit_nop", "nop\nmov %rdx,%rax\nret");

// What arguments can point to.
static const char *const texts[] = {"", "sh", "python3", "8 bytes!", "15 bytes of nam", "gr\xc3\xb6\xc3\x9f""e", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};

typedef int64_t function(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t);
function hit_push, hit_bare, hit_nop;

enum { THREADS = 3, MEASURE = -1 };

typedef struct {
    int function;
    long depth, repeat;
    int64_t arguments[6];
    unsigned uid, gid;
    char comm[17];
} hit;

typedef struct {
    int number, cpu;
    long tid, unwound, chained;
    const hit *todo;
    sem_t begin, done;
} worker;

static worker workers[THREADS];
static __thread worker *self;
static volatile int sink;

static _Unwind_Reason_Code one(struct _Unwind_Context *context, void *count) {
    // Behind the outermost frame it answers once more.
    *(long *)count += _Unwind_GetIP(context) != 0;
    return _URC_NO_REASON;
}

#ifdef FRAME_POINTERS
// As many frames as the kernel's walk takes from a frame pointer on: while the pair it points to can be read.
static long chain(const void *frame) {
    long frames = 0;
    const void *pair[2];
    struct iovec local = {pair, sizeof pair};
    for (; frames < 100000; frames++, frame = pair[0]) {
        struct iovec remote = {(void *)frame, sizeof pair};
        if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != sizeof pair) break;
    }
    return frames;
}
#endif

// Stands where a probed function is called, so its frame is the probed one.
__attribute__((noipa)) static int64_t measure(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f) {
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
    _Unwind_Backtrace(one, &self->unwound);
#ifdef FRAME_POINTERS
    self->chained = 1 + chain(__builtin_frame_address(0));
#endif
    return 0;
}

__attribute__((noipa)) static void rec(function *probed, const hit *h, long depth) {
    if (depth > 0) rec(probed, h, depth - 1);
    else probed(h->arguments[0], h->arguments[1], h->arguments[2], h->arguments[3], h->arguments[4], h->arguments[5]);
    sink++;
}

__attribute__((noipa)) static void perform(const hit *h) {
    static function *const functions[] = {hit_push, hit_bare, hit_nop};
    for (long i = 0; i < h->repeat; i++) rec(h->function == MEASURE ? measure : functions[h->function], h, h->depth);
    sink++;
}

static void become(const hit *h) {
    // The real ids only, and of this thread only: libc's functions change those of all.
    if (syscall(SYS_setresuid, h->uid, -1, -1) || syscall(SYS_setresgid, h->gid, -1, -1)) abort();
    prctl(PR_SET_NAME, h->comm);
}

__attribute__((noipa)) static void settle(worker *w) {
    static const hit first = {.function = MEASURE, .repeat = 1, .uid = -1u, .gid = -1u};
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(w->cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) abort();
    self = w;
    w->tid = syscall(SYS_gettid);
    w->todo = &first;
}

static void *work(void *argument) {
    worker *w = argument;
    settle(w);
    for (;;) {
        perform(w->todo);
        sem_post(&w->done);
        while (sem_wait(&w->begin)) {}
        become(w->todo);
    }
    return 0;
}

static void parse(char *line, hit *h, int *thread) {
    char *rest = line;
    *thread = strtol(rest, &rest, 10);
    h->function = strtol(rest, &rest, 10);
    h->depth = strtol(rest, &rest, 10);
    h->uid = strtoll(rest, &rest, 10);
    h->gid = strtoll(rest, &rest, 10);
    h->repeat = strtol(rest, &rest, 10);
    for (int i = 0; i < 6; i++) h->arguments[i] = strtoll(rest, &rest, 10);
    int length = 0;
    for (rest += *rest == ' '; length < 16 && rest[0] > ' ' && rest[1] > ' '; rest += 2) {
        char digits[3] = {rest[0], rest[1]};
        h->comm[length++] = strtol(digits, 0, 16);
    }
    h->comm[length] = 0;
    if (*thread < 0 || *thread >= THREADS || h->function < 0 || h->function > 2) abort();
}

int main(int argc, char **argv) {
    if (argc != 1 + THREADS) return 2;
    for (int i = 0; i < THREADS; i++) {
        worker *w = &workers[i];
        w->number = i;
        w->cpu = atoi(argv[1 + i]);
        pthread_t id;
        if (sem_init(&w->begin, 0, 0) || sem_init(&w->done, 0, 0)) abort();
        if (i && pthread_create(&id, 0, work, w)) abort();
        if (i) while (sem_wait(&w->done)) {}
    }
    // The first thread's hits come from here, so that its frames are these.
    settle(&workers[0]);
    perform(workers[0].todo);
    printf("process %d\n", getpid());
    for (int i = 0; i < THREADS; i++) printf("thread %ld %d %ld %ld\n", workers[i].tid, workers[i].cpu, workers[i].unwound, workers[i].chained);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        // Looked at first: a page that nobody has used need not be in memory.
        (void)*(const volatile char *)texts[i];
        printf("text %lld\n", (long long)(intptr_t)texts[i]);
    }
    printf("ok\n");
    fflush(stdout);
    char line[400];
    static hit h;
    while (fgets(line, sizeof line, stdin)) {
        int thread;
        if (!strcmp(line, "end\n")) {
            printf("ok\n");
            fflush(stdout);
            continue;
        }
        parse(line, &h, &thread);
        if (!thread) {
            become(&h);
            perform(&h);
            continue;
        }
        workers[thread].todo = &h;
        sem_post(&workers[thread].begin);
        while (sem_wait(&workers[thread].done)) {}
    }
    return 0;
}
