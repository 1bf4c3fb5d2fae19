// depth DEPTH CALLS [exit=STATUS] [comm=NAME] [ready]: recurses to a known depth and calls leaf() there. CALLS 0: for ever, 1,000 calls a second.
// Prints "depth D" on standard output: the frames of leaf's stack, counted along the frame pointers by the program itself.
// Compiled without optimisation and with frame pointers: every function begins with push %rbp.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static long calls;
static int told, announce;

// frame is leaf's: leaf itself is a frame, and each return address on the chain is one.
static int count_frames(uintptr_t frame)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    int frames = 1;
    while (frame >= (uintptr_t)low && frame + 16 <= (uintptr_t)low + size) {
        frames++;
        uintptr_t next = *(uintptr_t *)frame;
        if (next <= frame)
            break;
        frame = next;
    }
    return frames;
}

void leaf(void)
{
    if (!told) {
        told = 1;
        printf("depth %d\n", count_frames((uintptr_t)__builtin_frame_address(0)));
        fflush(stdout);
    }
}

int recurse(int depth)
{
    if (depth > 1)
        return recurse(depth - 1) + 1;
    for (long call = 0; calls == 0 || call < calls; call++) {
        leaf();
        if (calls == 0) {
            if (announce && call == 9) {
                fprintf(stderr, "ready\n");
                fflush(stderr);
            }
            usleep(1000);
        }
    }
    return 1;
}

int main(int count, char **arguments)
{
    int depth = atoi(arguments[1]), status = 0;
    calls = atol(arguments[2]);
    for (int index = 3; index < count; index++) {
        if (strncmp(arguments[index], "exit=", 5) == 0)
            status = atoi(arguments[index] + 5);
        else if (strncmp(arguments[index], "comm=", 5) == 0)
            prctl(PR_SET_NAME, arguments[index] + 5);
        else if (strcmp(arguments[index], "ready") == 0)
            announce = 1;
    }
    recurse(depth);
    return status;
}
