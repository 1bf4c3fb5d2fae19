// Known numbers of frames by function: counted A B calls self A + 1 times, then even and odd in turn, B + 1 in all, then leaf. A negative A goes by way of split's
// seldom-run part instead, B + 1 times.
#include <stdlib.h>

volatile int sink;

__attribute__((noinline)) void leaf(void) { sink++; }
__attribute__((noinline)) void odd(int n);
__attribute__((noinline)) void even(int n) { if (n == 0) leaf(); else odd(n - 1); sink++; }
__attribute__((noinline)) void odd(int n) { if (n == 0) leaf(); else even(n - 1); sink++; }
__attribute__((noinline)) void self(int n, int m) { if (n == 0) even(m); else self(n - 1, m); sink++; }

void split(int n, int sign);
__attribute__((noinline, cold)) void fail(int n, int sign) { if (n == 0) leaf(); else split(n - 1, sign); sink++; }
__attribute__((noinline)) void split(int n, int sign) {
  sink += sign;
  if (sign < 0) { sink--; fail(n, sign); sink++; }
  sink++;
}

int main(int argc, char **argv) {
  int a = atoi(argv[1]), b = atoi(argv[2]);
  if (a < 0) split(b, a); else self(a, b);
  return argc != 3;
}
