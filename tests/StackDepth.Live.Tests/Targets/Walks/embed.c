// A program that opens a Python's library when it is told to, and runs Python code in it that calls back: LIBRARY. Standard input: "native" or "python", a line each.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

__attribute__((noinline)) int leaf(int argument)
{
    __asm__ volatile("" : "+r"(argument));
    return argument;
}

int main(int count, char **arguments)
{
    char word[32];
    int (*run)(const char *) = 0;
    while (count == 2 && scanf("%31s", word) == 1)
    {
        if (!strcmp(word, "native"))
            leaf(0);
        else
        {
            if (!run)
            {
                void *library = dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL);
                void (*start)(int) = library ? dlsym(library, "Py_InitializeEx") : 0;
                run = library ? dlsym(library, "PyRun_SimpleString") : 0;
                if (!start || !run)
                    return 1;
                start(0);
            }
            if (run("import ctypes\ndef nested(level): return nested(level - 1) if level else ctypes.CDLL(None).leaf(0)\nnested(9)\n"))
                return 2;
        }
        puts("ok");
        fflush(stdout);
    }
    return 0;
}
