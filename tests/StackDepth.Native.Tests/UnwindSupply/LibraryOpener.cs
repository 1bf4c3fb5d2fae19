using System.Diagnostics;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.UnwindSupply;

/// <summary>A process that opens libraries, maps files executable and forks when told.</summary>
internal sealed class LibraryOpener : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/wait.h>
        #include <time.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
            char line[4096];
            while (fgets(line, sizeof line, stdin)) {
                line[strcspn(line, "\n")] = 0;
                if (!strncmp(line, "open ", 5)) puts(dlopen(line + 5, RTLD_NOW) ? "ok" : dlerror());
                else if (!strncmp(line, "fork ", 5)) {
                    int child = fork();
                    if (!child) { dlopen(line + 5, RTLD_NOW); pause(); }
                    printf("%d\n", child);
                } else if (!strncmp(line, "exec ", 5)) execl(line + 5, line + 5, (char *)0);
                else if (!strncmp(line, "map ", 4)) {
                    int file = open(argv[0], O_RDONLY);
                    for (int n = atoi(line + 4); n > 0; n--) munmap(mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0), 4096);
                    close(file);
                    puts("ok");
                }
                fflush(stdout);
            }
        }
        """;

    private readonly CommandTarget _process;

    internal LibraryOpener(CompiledTargets targets, string name)
    {
        Program = targets.Compile(name, Source, "-ldl");
        _process = CommandTarget.Start(Program);
        Map(1);
    }

    internal string Program { get; }

    internal int Pid => _process.Pid;

    /// <summary>A library of its own.</summary>
    internal static string Library(CompiledTargets targets, string name) => targets.Compile(name, $"int f_{name[..^3]}(int a) {{ return a + {name.Length}; }}", "-shared", "-fPIC");

    internal void Open(string library) => Assert.Equal("ok", _process.Ask($"open {library}"));

    /// <summary>Maps the program's file so many times, each for a moment.</summary>
    internal void Map(int times) => Assert.Equal("ok", _process.Ask($"map {times}"));

    /// <summary>A child that opens a library and stays until <see cref="Kill"/>.</summary>
    internal int Fork(string library) => int.Parse(_process.Ask($"fork {library}"), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Becomes another of these, at some time: what is asked of it before is lost.</summary>
    internal void Exec(LibraryOpener other) => _process.Tell($"exec {other.Program}");

    internal static void Kill(int processId) => Process.GetProcessById(processId).Kill();

    public void Dispose() => _process.Dispose();
}
