// Calls said(text, number) with each of its arguments, and then with what cannot be read, with what is no UTF-8, and with a text that ends where its page does.
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

__attribute__((noipa)) void said(const char *text, int64_t number) { __asm__ volatile("" ::"r"(text), "r"(number) : "memory"); }

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) said(argv[i], i);
    said(0, -1);
    said((const char *)0x10, -2);
    said((const char *)-4096, -3);
    static volatile char bytes[] = "\xff\xfe!"; // In a page that is in memory once it is written to.
    bytes[2] = '!';
    said((const char *)bytes, -4);
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    strcpy(pages + 4096 - 5, "last");
    said(pages + 4096 - 5, -5);
    memset(pages, 'x', 4096);
    said(pages + 4096 - 5, -6);
    return 0;
}
