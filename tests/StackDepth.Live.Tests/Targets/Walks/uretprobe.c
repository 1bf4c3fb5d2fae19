// Recursion in a function whose return addresses somebody else's uretprobe has replaced: the program puts one on itself.
#define _GNU_SOURCE
#include <link.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "walk.h"

static volatile int sink, expected, tail;

extern const char __executable_start[], etext[];

__attribute__((noipa)) void hijacked(int level, int depth);

// Has the slot of the function that it jumps to, and a uretprobe of its own: two entries in the kernel's list for one frame.
__attribute__((noipa)) void jumps(int level, int depth)
{
    hijacked(level, depth);
}

__attribute__((noipa)) void between(int level, int depth)
{
    VISIT("main", level + 1, level, depth);
    if (level < depth)
        (tail ? jumps : hijacked)(level + 1, depth);
    sink++;
}

// Two of three levels are hijacked; the kernel leaves those alone that come after 64 nested ones.
__attribute__((noipa)) void hijacked(int level, int depth)
{
    // Tail calls count among the 64.
    const char *back = __builtin_return_address(0);
    if (level < expected && back > __executable_start && back < etext)
        _exit(9);
    VISIT("main", level + 1, level, depth);
    if (level < depth)
        (level % 3 ? between : hijacked)(level + 1, depth);
    sink++;
}

static long offsets[2];

static int find(struct dl_phdr_info *info, size_t size, void *ignored)
{
    (void)size, (void)ignored;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        unsigned long start = info->dlpi_addr + header->p_vaddr, end = start + header->p_filesz;
        unsigned long functions[] = {(unsigned long)hijacked, (unsigned long)jumps};
        for (int f = 0; f < 2; f++)
            if (header->p_type == PT_LOAD && functions[f] >= start && functions[f] < end)
                offsets[f] = (long)(functions[f] - start + header->p_offset);
    }
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    walk_open(argv[4], argv[5]);
    tail = !strcmp(argv[1], "tail");
    if (tail || !strcmp(argv[1], "hijacked")) {
        FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
        unsigned type;
        if (!file || fscanf(file, "%u", &type) != 1)
            return 5;
        fclose(file);
        dl_iterate_phdr(find, NULL);
        static char self[4096];
        if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
            return 6;
        // Bit 0 of config asks for the return (the format file "retprobe" says which bit).
        for (int f = 0; f <= tail; f++) {
            struct perf_event_attr attributes = {.size = sizeof attributes, .type = type, .config = 1, .config1 = (unsigned long)self, .config2 = (unsigned long)offsets[f]};
            if (syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) < 0)
                return 7;
        }
        expected = tail ? 40 : 60;
    }
    for (int repeat = walk_number(argv[3]); repeat > 0; repeat--)
        between(1, walk_number(argv[2]));
    return 0;
}
