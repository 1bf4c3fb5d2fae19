// A program whose stacks are known. It runs commands, from its arguments (each command up to a ";") or, without any, from standard input, and reports
// what it did: one line "R pid tid comm function depth count" for each function, depth and thread, where depth is what a walk by frame pointers finds.
// The report goes to the file that the variable REPORT names (appended), else to standard output.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// The probed functions, by their first instruction: at a push the kernel knows that the caller is still at the top of the stack; elsewhere its walk
// misses the caller.
#define FUNCTION(name, body) __asm__(".globl " name "\n.type " name ",@function\n" name ":\n" body "\n.size " name ", .-" name "\n.p2align 4\n")
FUNCTION("leaf_push", "push %rbp; mov %rsp,%rbp; pop %rbp; ret");
FUNCTION("leaf_bare", "lea 1(%rdi),%rax; ret");
FUNCTION("leaf_nop", "nop; ret");
FUNCTION("leaf_nop5", ".byte 0x0f,0x1f,0x44,0x00,0x00; ret");
void leaf_push(void);
void leaf_bare(void);
void leaf_nop(void);

enum { PUSH, BARE, NOP, REC, FUNCTIONS };  // of "any" leaf, PUSH and BARE
static const char *const names[] = {"leaf_push", "leaf_bare", "leaf_nop", "rec"};
static void (*const leaves[])(void) = {leaf_push, leaf_bare, leaf_nop};
enum { DEPTHS = 3000 };
static volatile int sink;
static char *self;

typedef struct {
    long base;                     // the walked depth of leaf_push when rec() is not nested
    long counts[FUNCTIONS][DEPTHS];
    uint64_t random;
    int function;                  // a leaf, or FUNCTIONS for any of them
    long calls, depth, exact;
    int number;
} worker;

static int report = 1;

static void say(const char *format, ...) {
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (write(report, line, length) != length) abort();
}

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

__attribute__((noinline, noclone)) static void measure(worker *w) {
    // The caller, rec, has a frame; its leaf would be: leaf, rec, and what follows rec.
    w->base = 2 + chain(*(void **)__builtin_frame_address(0));
}

__attribute__((noinline, noclone)) void rec(worker *w, long depth, int leaf) {
    if (depth > 0) rec(w, depth - 1, leaf);
    else if (leaf < 0) measure(w);
    else leaves[leaf]();
    sink++;
}

static uint64_t next(worker *w) {
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

__attribute__((noinline, noclone)) static void call(worker *w, long depth, int leaf) {
    rec(w, depth, leaf);
    sink++;
}

static void count(worker *w, long depth, int leaf) {
    w->counts[leaf][w->base + depth - (leaf == PUSH ? 0 : 1)]++;
    for (long level = 0; level <= depth; level++) w->counts[REC][w->base - 1 + level]++;
}

__attribute__((noinline, noclone)) static void work(worker *w) {
    call(w, 0, -1);
    w->counts[REC][w->base - 1]++;
    for (long i = 0; i < w->calls; i++) {
        long depth = w->exact ? w->depth : (long)(next(w) % (uint64_t)(w->depth + 1));
        int leaf = w->function < FUNCTIONS ? w->function : (int)(next(w) % NOP);
        call(w, depth, leaf);
        count(w, depth, leaf);
    }
}

static void tell(worker *w) {
    char comm[17] = "";
    prctl(PR_GET_NAME, comm);
    for (int f = 0; f < FUNCTIONS; f++)
        for (int d = 0; d < DEPTHS; d++)
            if (w->counts[f][d]) say("R %d %ld %s %s %d %ld\n", getpid(), syscall(SYS_gettid), comm, names[f], d, w->counts[f][d]);
}

static pthread_barrier_t together;

static void *thread(void *argument) {
    worker *w = argument;
    char comm[16];
    snprintf(comm, sizeof comm, "t%d", w->number);
    pthread_setname_np(pthread_self(), comm);
    pthread_barrier_wait(&together);
    work(w);
    tell(w);
    return 0;
}

static int named_leaf(const char *name) {
    if (!strcmp(name, "any")) return FUNCTIONS;
    for (int f = 0; f < REC; f++)
        if (!strcmp(name, names[f] + 5)) return f;
    abort();
}

static void calls(int function, uint64_t seed, int threads, long n, long depth, int exact) {
    int workers = threads ? threads : 1;
    worker *all = calloc(workers, sizeof *all);
    pthread_t ids[workers];
    for (int i = 0; i < workers; i++) {
        all[i].random = (seed + i + 1) * 0x9E3779B97F4A7C15u | 1;
        all[i].function = function;
        all[i].calls = n;
        all[i].depth = depth;
        all[i].exact = exact;
        all[i].number = i;
    }
    if (threads) {
        pthread_barrier_init(&together, 0, threads);
        for (int i = 0; i < threads; i++) pthread_create(&ids[i], 0, thread, &all[i]);
        for (int i = 0; i < threads; i++) pthread_join(ids[i], 0);
        pthread_barrier_destroy(&together);
    } else {
        work(all);
        tell(all);
    }
    free(all);
}

static void await(pid_t pid) {
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) abort();
}

static void run(int count, char **words);

static void *execute(void *argument) {
    execv(self, argument);
    abort();
}

static void *call_leaf(void *argument) {
    (void)argument;
    leaf_push();
    return 0;
}

static void again(char **words) { // words[0] is a command; the new program image runs it
    char *arguments[64] = {self};
    for (int i = 0; (arguments[i + 1] = words[i]); i++);
    execv(self, arguments);
    abort();
}

static void run(int argc, char **words) {
    const char *verb = words[0];
#define IS(name, least) (!strcmp(verb, name) && (argc >= (least) + 1 || (abort(), 0)))
    if (IS("calls", 5)) calls(named_leaf(words[1]), atol(words[2]), atoi(words[3]), atol(words[4]), atol(words[5]), 0);
    else if (IS("depth", 3)) calls(named_leaf(words[1]), 0, 0, atol(words[3]), atol(words[2]), 1);
    else if (IS("ramp", 3)) // depths 0..MAX upwards, each so many times
        for (int d = 0; d <= atoi(words[2]); d++) calls(named_leaf(words[1]), 0, 0, atol(words[3]), d, 1);
    else if (IS("once", 0)) leaf_push();
    else if (IS("raw", 1)) // calls without a report, in one depth
        for (long n = atol(words[1]); n > 0; n--) leaf_push();
    else if (IS("forever", 0)) for (;;) leaf_push();
    else if (IS("keys", 1)) // one call under each of so many names
        for (int i = 0; i < atoi(words[1]); i++) {
            char comm[16];
            snprintf(comm, sizeof comm, "k%d", i);
            prctl(PR_SET_NAME, comm);
            leaf_push();
        }
    else if (IS("children", 1)) // one after the other, each calls once and exits
        for (int i = 0; i < atoi(words[1]); i++) {
            pid_t pid = fork();
            if (!pid) leaf_push(), _exit(0);
            await(pid);
        }
    else if (IS("crowd", 1)) { // many at a time
        int n = atoi(words[1]), live = 0;
        for (int i = 0; i < n; i++) {
            pid_t pid = fork();
            if (!pid) leaf_push(), _exit(0);
            if (pid < 0) abort();
            if (++live == 64) { if (wait(0) < 0) abort(); live--; }
        }
        while (live-- > 0) if (wait(0) < 0) abort();
    } else if (IS("samepid", 1)) // children that all get the same pid, each as soon as the one before is reaped
        for (int i = 0, want = 0, hits = 0; hits < atoi(words[1]); i++) {
            if (want) {
                FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");
                if (!last || fprintf(last, "%d", want - 1) < 0 || fclose(last)) abort();
            }
            pid_t pid = fork();
            if (!pid) {
                if (!want || getpid() == want) leaf_push();
                _exit(0);
            }
            await(pid);
            if (!want) want = pid;
            if (pid == want) hits++;
            if (i > 100 * atoi(words[1])) abort();
        }
    else if (IS("fork", 1)) {
        pid_t pid = fork();
        if (!pid) { run(argc - 1, words + 1); _exit(0); }
        await(pid);
    } else if (IS("double", 1)) { // the grandchild outlives its parent; the pipe tells when it is done
        int ends[2];
        char end;
        if (pipe(ends)) abort();
        pid_t pid = fork();
        if (!pid) {
            if (!fork()) { close(ends[0]); run(argc - 1, words + 1); _exit(0); }
            _exit(0);
        }
        close(ends[1]);
        await(pid);
        if (read(ends[0], &end, 1) != 0) abort();
        close(ends[0]);
    } else if (IS("vfork", 1)) {
        pid_t pid = vfork();
        if (!pid) again(words + 1);
        await(pid);
    } else if (IS("exec", 1)) again(words + 1);
    else if (IS("threadexec", 1)) { // the thread becomes the process, with the process's pid
        char *arguments[64] = {self};
        pthread_t id;
        for (int i = 0; (arguments[i + 1] = words[i + 1]); i++);
        pthread_create(&id, 0, execute, arguments);
        pthread_join(id, 0);
        abort();
    } else if (IS("threads", 1)) { // so many short threads, each calls once
        for (int i = 0; i < atoi(words[1]); i++) {
            pthread_t id;
            if (pthread_create(&id, 0, call_leaf, 0) || pthread_join(id, 0)) abort();
        }
    } else if (IS("pid", 0)) say("P %d %d\n", getpid(), getppid());
    else if (IS("address", 1)) say("A %lx\n", (unsigned long)leaves[named_leaf(words[1])]);
    else if (IS("memset", 1)) { // whether memset does what it should
        size_t size = atol(words[1]), right = 0;
        unsigned char *memory = malloc(size);
        for (volatile int value = 0; value < 256; value += 51) {
            memset(memory, value, size);
            for (size_t i = 0; i < size; i++) right += memory[i] == value;
        }
        say("M %d\n", right == 6 * size);
        free(memory);
    } else if (IS("pause", 0)) pause();
    else if (IS("sleep", 1)) usleep(atoi(words[1]) * 1000);
    else if (IS("exit", 1)) exit(atoi(words[1]));
    else if (IS("raise", 1)) raise(atoi(words[1]));
    else abort();
}

int main(int argc, char **argv) {
    self = realpath("/proc/self/exe", 0);
    const char *file = getenv("REPORT");
    if (file && (report = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0) abort();
    if (argc > 1) {
        for (int first = 1, i = 1; i <= argc; i++)
            if (i == argc || !strcmp(argv[i], ";")) {
                argv[i] = 0;
                if (i > first) run(i - first, argv + first);
                first = i + 1;
            }
        return 0;
    }
    char line[300];
    while (fgets(line, sizeof line, stdin)) {
        char *words[64] = {0};
        int n = 0;
        for (char *word = strtok(line, " \n"); word && n < 63; word = strtok(0, " \n")) words[n++] = word;
        if (n) run(n, words);
        say("ok\n");
    }
    return 0;
}
