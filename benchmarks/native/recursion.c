// The program that questions about recursion and bytes are measured on. Reads "MODE DEPTH CALLS" lines: recurses to DEPTH activations of probed(), calls it CALLS times more from the last of them, and answers each
// line with a line. MODE: d, it calls itself; h, by way of another function each time.
#include <stdio.h>

#define NOINLINE __attribute__((noinline, noclone, noipa))

volatile int sink;
static int mode;
NOINLINE int probed(int level, int depth, long calls);

NOINLINE static int helper(int level, int depth, long calls)
{
	int result = probed(level, depth, calls);
	__asm__ volatile("" ::: "memory"); // no tail call
	return result + 1;
}

// Begins with an instruction that the kernel emulates: `push %rbp`, or else a nop.
#ifdef PLAIN
__attribute__((patchable_function_entry(1)))
#endif
NOINLINE int probed(int level, int depth, long calls)
{
	int result = 0;
	if (level < depth)
		result = mode == 'h' ? helper(level + 1, depth, calls) : probed(level + 1, depth, calls);
	else if (level == depth)
		for (long call = 0; call < calls; call++)
			result += mode == 'h' ? helper(depth + 1, depth, 0) : probed(depth + 1, depth, 0);
	__asm__ volatile("" ::: "memory");
	return result + sink;
}

int main(void)
{
	char line[64];
	int depth;
	long calls;
	while (fgets(line, sizeof line, stdin) && sscanf(line, "%*c %d %ld", &depth, &calls) == 2) {
		mode = line[0];
		probed(1, depth, calls);
		puts("");
		fflush(stdout);
	}
	return 0;
}
