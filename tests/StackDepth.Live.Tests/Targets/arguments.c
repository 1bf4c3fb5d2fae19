// Calls probed(a, b, c, d, e, f) with numbers from its arguments, six for each call, and says who it is: pid, uid and gid.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline, noclone)) int64_t probed(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f) {
    __asm__ volatile("" ::"r"(a), "r"(b), "r"(c), "r"(d), "r"(e), "r"(f));
    return a;
}

int main(int argc, char **argv) {
    for (int i = 1; i + 5 < argc; i += 6) {
        int64_t v[6];
        for (int j = 0; j < 6; j++) v[j] = strtoll(argv[i + j], NULL, 10);
        probed(v[0], v[1], v[2], v[3], v[4], v[5]);
    }
    printf("%d %u %u\n", getpid(), getuid(), getgid());
    return 0;
}
