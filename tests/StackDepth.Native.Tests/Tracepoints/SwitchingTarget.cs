using System.Globalization;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Tracepoints;

/// <summary>A process that makes system calls and gives up its CPU when told, and knows how often it has left it.</summary>
internal sealed class SwitchingTarget : IDisposable
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>
        int main(void) {
            char line[100];
            while (fgets(line, sizeof line, stdin)) {
                long n = atol(line + 6);
                struct timespec nap = { 0, 100000 };
                for (; n > 0; n--)
                    if (line[0] == 'c') syscall(SYS_getppid); else nanosleep(&nap, 0);
                puts("ok");
                fflush(stdout);
            }
            return 0;
        }
        """;

    private static readonly Lazy<string> s_binary = new(static () => CommandTarget.Compile(Source));
    private readonly CommandTarget _target = CommandTarget.Start(s_binary.Value);

    internal int Pid => _target.Pid;

    internal void Call(int times) => Assert.Equal("ok", _target.Ask($"call  {times}"));

    internal void Sleep(int times) => Assert.Equal("ok", _target.Ask($"sleep {times}"));

    /// <summary>How often it has left its CPU, once it waits for the next command.</summary>
    internal long Switches()
    {
        // It says that it sleeps a moment before it leaves the CPU.
        long last = -1, now = 0;
        ThreadCounts.Until(
            () =>
            {
                (last, now) = (now, Field("State").StartsWith('S') ? Number("voluntary_ctxt_switches") + Number("nonvoluntary_ctxt_switches") : -1);
                return now > 0 && now == last;
            },
            "the target waits");
        return now;
    }

    public void Dispose() => _target.Dispose();

    private long Number(string field) => long.Parse(Field(field), CultureInfo.InvariantCulture);

    private string Field(string name) => Native.Sys.ProcText.Field(File.ReadAllText($"/proc/{Pid}/status"), name)!;
}
