// A program that looks like a CPython: it has a _PyRuntime, whose memory it lays out as CPython 3.14 does, or as no CPython would. Standard input says what, a line each; after each the
// leaf is called. The last word of a case's line is the depth.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION 0x030e00f0
#endif
#ifndef FREE_THREADED
#define FREE_THREADED 0
#endif

enum { RUNTIME_BYTES = 4096, HEAD_AT = 1000, INTERPRETER_BYTES = 8192, INTERPRETER_NEXT = 7000, INTERPRETER_THREADS = 7080 };

struct state
{
    struct state *previous, *next;
    void *interpreter;
    uint64_t eval_breaker;
    uint32_t status, whence, state, py_recursion;
    uint64_t pad[3];
    void *current_frame;
    uint64_t more[9];
    uint64_t thread_id, native_thread_id, datastack_chunk;
};

struct code
{
    uint64_t head[23];
    int32_t first_traceable;
    void *extra;
    uint16_t bytecode[64];
};

struct frame
{
    uint64_t executable;
    struct frame *previous;
    uint64_t function, globals, builtins, locals, frame_object;
    uint16_t *instruction;
    uint64_t stack_pointer;
    uint16_t return_offset;
    char owner, visited;
    uint64_t locals_plus[1];
};

// _Py_DebugOffsets of 3.14, Include/internal/pycore_debug_offsets.h.
struct offsets
{
    char cookie[8];
    uint64_t version, free_threaded;
    uint64_t runtime[3];
    uint64_t interpreter[16];
    uint64_t state[9];
    uint64_t frame[8];
    uint64_t code[11];
};

union runtime
{
    struct offsets offsets;
    char bytes[RUNTIME_BYTES];
};

#define AT(type, field) __builtin_offsetof(struct type, field)

union runtime _PyRuntime = {.offsets = {
    "xdebugpy", VERSION, FREE_THREADED,
    {RUNTIME_BYTES, 900, HEAD_AT},
    {INTERPRETER_BYTES, 7008, INTERPRETER_NEXT, INTERPRETER_THREADS, INTERPRETER_THREADS + 8},
    {sizeof(struct state), AT(state, previous), AT(state, next), AT(state, interpreter), AT(state, current_frame), AT(state, thread_id), AT(state, native_thread_id), AT(state, datastack_chunk), AT(state, status)},
    {sizeof(struct frame), AT(frame, previous), AT(frame, executable), AT(frame, instruction), AT(frame, locals_plus), AT(frame, owner), AT(frame, stack_pointer), 0},
    {AT(code, bytecode) + 8, 8, 16, 24, 32, 40, 44, 48, 56, AT(code, bytecode), 0},
}};
const unsigned long Py_Version = VERSION;

__attribute__((noinline)) int leaf(int argument)
{
    __asm__ volatile("" : "+r"(argument));
    return argument;
}

static char interpreters[2][INTERPRETER_BYTES];
static struct state states[64];
static struct code code;

static void set(void *structure, int at, void *value) { memcpy((char *)structure + at, &value, sizeof value); }

static void *lay(int number, char owner, int past)
{
    static struct frame *frames;
    if (!frames)
        frames = calloc(sizeof *frames, 300000);
    struct frame *frame = &frames[number];
    memset(frame, 0, sizeof *frame);
    // A tagged reference, as a _PyStackRef can be.
    frame->executable = (uint64_t)&code | 1;
    frame->instruction = code.bytecode + (past ? 9 : 2);
    frame->owner = owner;
    return frame;
}

// Frames of Python's, each other one entered from C with a frame of the interpreter's before it.
static struct frame *chain(int depth)
{
    struct frame *last = 0;
    int number = 0;
    for (int level = 0; level < depth; level++)
    {
        if (level % 2 == 0)
        {
            struct frame *entry = lay(number++, level % 4 ? 3 : 4, 1);
            entry->executable = 0;
            entry->previous = last;
            last = entry;
        }
        struct frame *frame = lay(number++, level % 5 == 4 ? 1 : 0, level % 5 != 4);
        frame->previous = last;
        last = frame;
    }
    // The innermost has not come to its first traceable instruction.
    struct frame *incomplete = lay(number, 0, 0);
    incomplete->previous = last;
    return incomplete;
}

// This thread's state is the last of so many.
static struct state *threads(int count)
{
    for (int i = 0; i < count; i++)
    {
        memset(&states[i], 0, sizeof states[i]);
        states[i].previous = i ? &states[i - 1] : 0;
        states[i].next = i + 1 < count ? &states[i + 1] : 0;
        states[i].interpreter = interpreters[0];
        states[i].thread_id = 4096 + i;
        states[i].native_thread_id = 1;
    }
    struct state *own = &states[count - 1];
    own->thread_id = (uint64_t)pthread_self();
    own->native_thread_id = syscall(SYS_gettid);
    set(interpreters[0], INTERPRETER_NEXT, 0);
    set(interpreters[0], INTERPRETER_THREADS, states);
    set(&_PyRuntime, HEAD_AT, interpreters[0]);
    return own;
}

int main(void)
{
    char word[32];
    int depth;
    code.first_traceable = 7;
    while (scanf("%31s %d", word, &depth) == 2)
    {
        struct state *own = threads(5);
        struct frame *frame = chain(depth);
        own->current_frame = frame;
        // The page below is not mapped.
        char *edge = (char *)mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;
        munmap(edge, 4096);
        if (!strcmp(word, "circle"))
            ((struct frame *)lay(0, 0, 1))->previous = frame;
        else if (!strcmp(word, "self"))
            frame->previous = frame;
        else if (!strcmp(word, "misaligned"))
            frame->previous = (void *)((char *)frame->previous + 4);
        else if (!strcmp(word, "owner"))
            frame->previous->owner = 77;
        else if (!strcmp(word, "unmapped"))
            frame->previous = (void *)(edge + 64);
        else if (!strcmp(word, "kernel"))
            frame->previous = (void *)0xffffffff81000000;
        else if (!strcmp(word, "edge"))
        {
            // A frame that ends where its mapping does, short of its locals.
            size_t bytes = AT(frame, locals_plus);
            memcpy(edge - bytes, frame, bytes);
            own->current_frame = edge - bytes;
        }
        else if (!strcmp(word, "code"))
            frame->previous->executable = (uint64_t)edge;
        else if (!strcmp(word, "stateless"))
            own->thread_id++;
        else if (!strcmp(word, "forked"))
            own->native_thread_id++;
        else if (!strcmp(word, "unlinked"))
            own->previous = own;
        else if (!strcmp(word, "ring"))
            own->next = &states[1];
        else if (!strcmp(word, "stranger"))
            own->interpreter = interpreters[1];
        else if (!strcmp(word, "empty"))
            set(interpreters[0], INTERPRETER_THREADS, 0);
        else if (!strcmp(word, "around"))
        {
            set(interpreters[0], INTERPRETER_NEXT, interpreters[0]);
            own->thread_id++;
        }
        else if (!strcmp(word, "early"))
            set(&_PyRuntime, HEAD_AT, 0);
        else if (!strcmp(word, "several") || !strcmp(word, "active"))
        {
            // Two interpreters' states of this thread, with frames both; perhaps one is the current one.
            struct state *inner = &states[40];
            memset(inner, 0, sizeof *inner);
            inner->interpreter = interpreters[1];
            inner->thread_id = own->thread_id;
            inner->native_thread_id = own->native_thread_id;
            inner->current_frame = frame->previous->previous;
            set(interpreters[1], INTERPRETER_NEXT, interpreters[0]);
            set(interpreters[1], INTERPRETER_THREADS, inner);
            set(&_PyRuntime, HEAD_AT, interpreters[1]);
            if (word[0] == 'a')
                own->status = 1 << 4;
        }
        else if (strcmp(word, "plain"))
            return 2;
        leaf(depth);
        munmap(edge - 4096, 4096);
        puts("ok");
        fflush(stdout);
    }
    return 0;
}
