// What Python scripts call to be probed: a function that does nothing, and threads that Python did not make.
#include <pthread.h>

__attribute__((noinline)) int py_leaf(int argument)
{
    __asm__ volatile("" : "+r"(argument));
    return argument;
}

struct work
{
    int (*call)(int);
    int argument;
};

static void *run(void *data)
{
    struct work *work = data;
    py_leaf(0);
    work->call(work->argument);
    py_leaf(0);
    return 0;
}

// Runs a Python function, wrapped by ctypes, in a thread that enters Python for it only. Before and after, the thread is none of Python's.
int run_in_thread(int (*call)(int), int argument)
{
    struct work work = {call, argument};
    pthread_t thread;
    if (pthread_create(&thread, 0, run, &work) != 0)
        return 1;
    return pthread_join(thread, 0);
}
