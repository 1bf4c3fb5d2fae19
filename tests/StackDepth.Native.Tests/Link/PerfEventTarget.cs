using System.Globalization;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

/// <summary>A process that spins in threads, touches pages and forks when told.</summary>
internal sealed class PerfEventTarget : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <sys/resource.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static volatile int tids[64];
        static void spin(void) { for (volatile unsigned long n = 0;; n++) ; }
        static void *rest(void *none) { for (;;) pause(); return 0; }
        static void *run(void *slot) { tids[(long)slot] = syscall(SYS_gettid); spin(); return 0; }
        int main(void) {
            char line[100]; long threads = 0;
            while (fgets(line, sizeof line, stdin)) {
                long n = atol(line + 6);
                if (!strncmp(line, "spin  ", 6)) {
                    for (; n > 0; n--) {
                        pthread_t t; pthread_create(&t, 0, run, (void *)threads);
                        while (!tids[threads]) usleep(100);
                        printf("%d ", tids[threads++]);
                    }
                    puts("");
                } else if (!strncmp(line, "rest  ", 6)) {
                    pthread_t t; pthread_create(&t, 0, rest, 0); puts("ok");
                } else if (!strncmp(line, "fork  ", 6)) {
                    int child = fork();
                    if (!child) { prctl(PR_SET_PDEATHSIG, 9); if (getppid() == 1) _exit(0); spin(); }
                    printf("%d\n", child);
                } else if (!strncmp(line, "touch ", 6)) {
                    char *p = mmap(0, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    madvise(p, n * 4096, MADV_NOHUGEPAGE);
                    for (long i = 0; i < n; i++) p[i * 4096] = 1;
                    puts("ok");
                } else {
                    struct rusage u; getrusage(RUSAGE_SELF, &u); printf("%ld\n", u.ru_minflt);
                }
                fflush(stdout);
            }
            _exit(0);
        }
        """;

    private static readonly Lazy<string> s_binary = new(static () => CommandTarget.Compile(Source));
    private readonly CommandTarget _target = CommandTarget.Start(s_binary.Value);

    internal int Pid => _target.Pid;

    internal int[] Spin(int threads) => [.. _target.Ask($"spin  {threads}").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Number)];

    internal void AddThreadAtRest() => Assert.Equal("ok", _target.Ask("rest  "));

    internal int Fork() => Number(_target.Ask("fork  "));

    internal void Touch(int pages) => Assert.Equal("ok", _target.Ask($"touch {pages}"));

    internal int MinorFaults() => Number(_target.Ask("usage "));

    public void Dispose() => _target.Dispose();

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
