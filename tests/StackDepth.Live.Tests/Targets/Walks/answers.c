// See answers.h.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "answers.h"

struct answer { int tid, unused; char tag[8]; long first, second; };
struct answers { unsigned count, unused[7]; struct answer answers[]; };
enum { Room = 1 << 20 };

static struct answers *answers;

void answers_open(const char *path)
{
    long size = sizeof(struct answers) + Room * sizeof(struct answer);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, size) < 0)
        _exit(99);
    answers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
}

void answer(const char *tag, long first, long second)
{
    unsigned index = __atomic_fetch_add(&answers->count, 1, __ATOMIC_RELAXED);
    if (index >= Room)
        _exit(98);
    struct answer *answer = &answers->answers[index];
    answer->tid = (int)syscall(SYS_gettid);
    for (int i = 0; i < 8 && tag[i]; i++)
        answer->tag[i] = tag[i];
    answer->first = first;
    answer->second = second;
}
