using System.Collections.Immutable;
using System.Globalization;

namespace StackDepth.Native.Tests.Support;

/// <summary>A C program with functions to probe, compiled once, and a running process of it that calls them when told.</summary>
internal sealed class ProbeTarget : IDisposable
{
    internal const int Functions = 64;

    private static readonly Lazy<string> Binary = new(Compile);

    private readonly CommandTarget _process;

    internal ProbeTarget()
    {
        _process = CommandTarget.Start(Binary.Value);
        Offsets = [.. _process.Ask("offsets").Split(' ').Select(static text => ulong.Parse(text, CultureInfo.InvariantCulture))];
    }

    internal static string Executable => Binary.Value;

    internal int Pid => _process.Pid;

    /// <summary>The file offsets of the functions.</summary>
    internal ImmutableArray<ulong> Offsets { get; }

    /// <summary>Calls every function so many times, from the first thread.</summary>
    internal void Run(int times) => Assert.Equal("ok", _process.Ask($"run {times}"));

    /// <summary>Calls every function so many times, from another thread.</summary>
    internal void RunInThread(int times) => Assert.Equal("ok", _process.Ask($"thread {times}"));

    public void Dispose() => _process.Dispose();

    private static string Compile()
    {
        var functions = Enumerable.Range(0, Functions).ToArray();
        return CommandTarget.Compile($$"""
            #define _GNU_SOURCE
            #include <link.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            static volatile int sink;
            {{string.Join('\n', functions.Select(static i => $"__attribute__((noinline)) void f{i}(void) {{ sink += {i}; }}"))}}
            static void (*functions[])(void) = { {{string.Join(',', functions.Select(static i => $"f{i}"))}} };
            static int print(struct dl_phdr_info *info, size_t size, void *data) {
                for (int f = 0; f < {{Functions}}; f++)
                    for (int i = 0; i < info->dlpi_phnum; i++) {
                        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
                        unsigned long start = info->dlpi_addr + p->p_vaddr, at = (unsigned long)functions[f];
                        if (p->p_type == PT_LOAD && at >= start && at < start + p->p_memsz) printf("%s%lu", f ? " " : "", at - start + p->p_offset);
                    }
                return 1;
            }
            static void *run(void *times) {
                for (long n = (long)times; n > 0; n--) for (int f = 0; f < {{Functions}}; f++) functions[f]();
                return 0;
            }
            int main(void) {
                char line[100];
                while (fgets(line, sizeof line, stdin)) {
                    if (!strncmp(line, "offsets", 7)) dl_iterate_phdr(print, 0), puts("");
                    else if (!strncmp(line, "run ", 4)) run((void *)atol(line + 4)), puts("ok");
                    else { pthread_t t; pthread_create(&t, 0, run, (void *)atol(line + 7)); pthread_join(t, 0); puts("ok"); }
                    fflush(stdout);
                }
                return 0;
            }
            """, "-fno-ipa-icf");
    }
}
