// The C consumer that the ring reader is compared with: libbpf's ring_buffer, in the loop that adaptive wake-ups want.
//   consumer MAP_ID    for each line on stdin: reads records until the end marker, answers "records sum nanoseconds", from first record to marker
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct state { uint64_t records, sum, began, ended; };

static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

static int on_record(void *context, void *data, size_t size)
{
	struct state *state = context;
	uint64_t value = *(uint64_t *)data;
	if (value == UINT64_MAX) {
		state->ended = now();
		return 0;
	}
	if (state->records++ == 0)
		state->began = now();
	state->sum += value + size;
	return 0;
}

int main(int argc, char **argv)
{
	struct state state;
	int fd = argc == 2 ? bpf_map_get_fd_by_id(strtoul(argv[1], NULL, 10)) : -1;
	struct ring_buffer *ring = fd < 0 ? NULL : ring_buffer__new(fd, on_record, &state, NULL);
	char line[16];
	if (!ring) {
		perror("consumer");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		state = (struct state){ 0 };
		while (!state.ended) {
			if (ring_buffer__consume(ring) == 0)
				ring_buffer__poll(ring, 1); // with NO_WAKEUP nobody announces the last records: a timed look beside it
		}
		printf("%llu %llu %llu 0\n", (unsigned long long)state.records, (unsigned long long)state.sum, (unsigned long long)(state.ended - state.began));
		fflush(stdout);
	}
	return 0;
}
