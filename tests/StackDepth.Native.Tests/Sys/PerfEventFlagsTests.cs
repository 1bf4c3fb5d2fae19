using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Sys;

public sealed class PerfEventFlagsTests
{
    [Fact]
    public void The_bits_and_numbers_are_those_of_the_kernels_headers()
    {
        Requires.Tool("gcc");
        Requires.That(File.Exists("/usr/include/linux/perf_event.h"), "the kernel's headers (linux-libc-dev)");
        (string Member, ulong Bit)[] bits =
        [
            ("disabled", PerfEventAttribute.Disabled), ("inherit", PerfEventAttribute.Inherit), ("freq", PerfEventAttribute.Frequency),
            ("inherit_thread", PerfEventAttribute.InheritThread),
        ];
        var lines = bits.Select(static bit => $$"""{ struct perf_event_attr a = { .{{bit.Member}} = 1 }; printf("%llu\n", ((unsigned long long *)&a)[5]); }""");
        var binary = CommandTarget.Compile($$"""
            #include <linux/perf_event.h>
            #include <stdio.h>
            int main(void) {
            {{string.Join('\n', lines)}}
            printf("%lu\n%d\n", (unsigned long)PERF_EVENT_IOC_ENABLE, PERF_TYPE_TRACEPOINT);
            return 0; }
            """);
        Assert.Equal(
            [.. bits.Select(static bit => bit.Bit), PerfEventAttribute.Enable, PerfEventAttribute.Tracepoint],
            CompiledTargets.Run("env", binary).TrimEnd().Split('\n').Select(ulong.Parse));
    }
}
