// The probed program. Static, so that it is the same inside and outside the peer's chroot; frame pointers on.
//   target drive COMMANDS REPLIES   reads "DEPTH CALLS" lines from one fifo; calls leaf() CALLS times where the stack has DEPTH frames, leaf()
//                                   and main()'s caller included; answers the nanoseconds per call, as the program sees them, on the other fifo
//   target stamp FILE               calls leaf() once and writes when main() began (CLOCK_MONOTONIC, nanoseconds): by then the probes are in place
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

volatile int sink;

// optimize("O0") makes the first instruction `push %rbp`, where the kernel's walk does not lose the caller.
__attribute__((noinline, noclone, optimize("O0"))) int leaf(int x) { sink += x; return sink; }

static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

static uint64_t elapsed;

__attribute__((noinline, noclone)) int descend(int levels, long calls)
{
	if (levels > 1) {
		int result = descend(levels - 1, calls);
		__asm__ volatile("" ::: "memory"); // no tail call
		return result + 1;
	}
	uint64_t begin = now();
	for (long i = 0; i < calls; i++)
		leaf((int)i);
	elapsed = now() - begin;
	return sink;
}

int main(int argc, char **argv)
{
	uint64_t began = now();
	// libc uses rbp for other things: end the chain of frames here, so that it has the same length everywhere. So this function must not return.
	*(void **)__builtin_frame_address(0) = 0;
	if (argc == 3 && !strcmp(argv[1], "stamp")) {
		leaf(1);
		FILE *file = fopen(argv[2], "w");
		exit(file && fprintf(file, "%llu\n", (unsigned long long)began) > 0 && !fclose(file) ? 0 : 1);
	}
	if (argc != 4 || strcmp(argv[1], "drive"))
		exit(2);
	FILE *commands = fopen(argv[2], "r"), *replies = fopen(argv[3], "w");
	int depth;
	long calls;
	if (!commands || !replies)
		exit(1);
	while (fscanf(commands, "%d %ld", &depth, &calls) == 2 && calls > 0) {
		descend(depth - 3, calls); // leaf(), main() and libc's caller of main() are the other three
		fprintf(replies, "%.1f\n", (double)elapsed / calls);
		fflush(replies);
	}
	exit(0);
}
