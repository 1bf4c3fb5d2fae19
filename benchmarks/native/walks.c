// The programs that the walks are measured on. Built three times: as usual, without frame pointers, and (-DBARE, -nostdlib) with nothing but frame
// pointers, down to a _start whose call frame information says that it is the outermost function.
//   walks            reads "MODE DEPTH CALLS" lines; calls leaf() CALLS times where the stack has DEPTH frames, leaf() included; answers each line
//                    with a line when it is done. MODE: d, descend() calls itself; s, 1,024 functions call each other in turn; m, as d, and the
//                    program's mappings change before each call
//   walks FILE       (not BARE) calls leaf() once and writes when main() began (CLOCK_MONOTONIC, nanoseconds)
#include <stdint.h>

#ifdef BARE
#define FRAMES_BELOW 3 // _start, begin() and serve()
#else
#include <stdio.h>
#include <time.h>
#define FRAMES_BELOW 5 // _start, two of libc's, main() and serve()
#endif

#define NOINLINE __attribute__((noinline, noclone, noipa))

static long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
}

volatile int sink;

// Begins with an instruction that the kernel emulates: `push %rbp`, or else a nop. Others it single-steps, which takes long, though none of it in the probe's program.
#ifdef PLAIN
__attribute__((patchable_function_entry(1)))
#else
__attribute__((optimize("O0")))
#endif
NOINLINE int leaf(int x) { sink += x; return sink; }

static long mode;

static inline __attribute__((always_inline)) int calls(long count)
{
	for (long i = 0; i < count; i++) {
		if (mode == 'm') {
			static long page;
			if (page)
				syscall6(11, page, 4096, 0, 0, 0, 0); // munmap
			page = syscall6(9, 0, 4096, 1, 0x22, -1, 0); // mmap, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS
		}
		leaf((int)i);
	}
	return sink;
}

NOINLINE int descend(int levels, long count)
{
	int result = levels > 1 ? descend(levels - 1, count) : calls(count);
	__asm__ volatile("" ::: "memory"); // no tail call
	return result + 1;
}

// 1,024 functions, each with its own return address.
typedef int (*step)(int levels, long count);
extern const step steps[1024];
#define STEP(n) NOINLINE static int step##n(int levels, long count) { \
	int result = levels > 1 ? steps[(0x##n + 1) & 1023](levels - 1, count) : calls(count); \
	__asm__ volatile("" ::: "memory"); \
	return result + 1; }
#define NAME(n) step##n,
#define EACH(what, n) what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6) what(n##7) \
	what(n##8) what(n##9) what(n##a) what(n##b) what(n##c) what(n##d) what(n##e) what(n##f)
#define EACH2(what, n) EACH(what, n##0) EACH(what, n##1) EACH(what, n##2) EACH(what, n##3) EACH(what, n##4) EACH(what, n##5) \
	EACH(what, n##6) EACH(what, n##7) EACH(what, n##8) EACH(what, n##9) EACH(what, n##a) EACH(what, n##b) EACH(what, n##c) \
	EACH(what, n##d) EACH(what, n##e) EACH(what, n##f)
#define ALL(what) EACH2(what, 0) EACH2(what, 1) EACH2(what, 2) EACH2(what, 3)
ALL(STEP)
const step steps[1024] = { ALL(NAME) };

static char input[256];
static long filled, taken;

static int next(void)
{
	if (taken == filled) {
		filled = syscall6(0, 0, (long)input, sizeof input, 0, 0, 0); // read
		taken = 0;
		if (filled <= 0)
			return -1;
	}
	return input[taken++];
}

static long number(void)
{
	long value = 0;
	for (int c; (c = next()) >= '0' && c <= '9';)
		value = value * 10 + c - '0';
	return value;
}

NOINLINE int serve(void)
{
	while ((mode = next()) > 0) {
		next(); // the space
		int levels = (int)number() - 1 - FRAMES_BELOW;
		long count = number();
		if (levels <= 0)
			calls(count);
		else if (mode == 's')
			steps[0](levels, count);
		else
			descend(levels, count);
		syscall6(1, 1, (long)"\n", 1, 0, 0, 0); // write
	}
	return 0;
}

#ifdef BARE
__asm__(".globl _start\n_start:\n.cfi_startproc\n.cfi_undefined rip\nxor %ebp, %ebp\nand $-16, %rsp\ncall begin\nhlt\n.cfi_endproc\n");

void begin(void)
{
	int result = serve();
	syscall6(231, result, 0, 0, 0, 0, 0); // exit_group
}
#else
int main(int argc, char **argv)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (argc != 2) {
		int result = serve();
		__asm__ volatile("" ::: "memory");
		return result;
	}
	leaf(1);
	FILE *file = fopen(argv[1], "w");
	return file && fprintf(file, "%lld\n", t.tv_sec * 1000000000ll + t.tv_nsec) > 0 && !fclose(file) ? 0 : 1;
}
#endif
