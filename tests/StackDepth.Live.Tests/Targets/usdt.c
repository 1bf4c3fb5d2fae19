// USDT probes whose arguments are elsewhere at each place: demo:tick(number, small, pointer), demo:deep(depth), demo:odd(a floating-point number), demo:named(number, text), demo:none(). Prints the arguments of demo:tick.
#ifdef SEMAPHORES
#define _SDT_HAS_SEMAPHORES 1
#endif
#include <sys/sdt.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef SEMAPHORES
__extension__ volatile unsigned short demo_tick_semaphore __attribute__((unused)) __attribute__((section(".probes"))) __attribute__((visibility("hidden")));
__extension__ volatile unsigned short demo_deep_semaphore __attribute__((unused)) __attribute__((section(".probes"))) __attribute__((visibility("hidden")));
__extension__ volatile unsigned short demo_odd_semaphore __attribute__((unused)) __attribute__((section(".probes"))) __attribute__((visibility("hidden")));
__extension__ volatile unsigned short demo_named_semaphore __attribute__((unused)) __attribute__((section(".probes"))) __attribute__((visibility("hidden")));
__extension__ volatile unsigned short demo_none_semaphore __attribute__((unused)) __attribute__((section(".probes"))) __attribute__((visibility("hidden")));
#define LISTENERS demo_tick_semaphore
#else
#define LISTENERS 0
#endif

static FILE *out;
static int table[8] = {-3000, -2000, -1000, 0, 1000, 2000, 3000, 4000};

static inline __attribute__((always_inline)) void tick(long number, signed char small, int *element) {
    STAP_PROBE3(demo, tick, number, small, *element);
    fprintf(out, "%ld %d %d\n", number, small, *element);
}

__attribute__((noinline)) static void in_registers(long number, int small) { tick(number, (signed char)small, &table[number & 7]); }

__attribute__((noinline)) static long deep(int depth) {
    if (depth == 0) {
        STAP_PROBE1(demo, deep, depth);
        return 1;
    }
    return 1 + deep(depth - 1);
}

__attribute__((noinline)) static void named(int number, const char *text) {
    STAP_PROBE2(demo, named, number, text);
    fprintf(out, "named\n");
}

int main(int argc, char **argv) {
    out = fopen(argv[1], "w");
    volatile double half = 0.5;
    for (long i = -5; i < 40; i++) in_registers(i * 1000000007L, (int)-i * 3);
    for (int i = 0; i < 3; i++) tick(42, -7, &table[0]);
    for (int i = 0; i < 8; i++) tick(1L << 40, 100, &table[i]);
    deep(atoi(argv[2]));
    STAP_PROBE1(demo, odd, half);
    static char first[] = "one", second[] = "two names";
    named(0, second + 9);
    named(1, first);
    named(2, second);
    named(3, 0);
    STAP_PROBE(demo, none);
    fprintf(out, "listeners %d\n", (int)LISTENERS);
    fclose(out);
    return 0;
}
