using System.Collections.Concurrent;
using StackDepth.Native.Sys;

namespace StackDepth.Tests.Support;

/// <summary>The real kernel, except where the test gives another answer: a negated errno, or null to ask the kernel.</summary>
internal sealed unsafe class FaultySystemCalls : SystemCalls
{
    private readonly ConcurrentDictionary<BpfCommand, int> _calls = new();

    /// <summary>Answers a command at its n-th call (from 1); gets the attribute.</summary>
    internal delegate long? Answer(BpfCommand command, int call, void* attribute);

    internal Answer OnBpf { get; init; } = static (_, _, _) => null;

    /// <summary>Answers perf_event_open at its n-th call (from 1).</summary>
    internal Func<int, long?> OnPerfEventOpen { get; init; } = static _ => null;

    internal Func<string, string?>? OnReadText { get; init; }

    internal int PerfEventOpens { get; private set; }

    internal int Closes { get; private set; }

    internal int Calls(BpfCommand command) => _calls.GetValueOrDefault(command);

    internal override long Bpf(BpfCommand command, void* attr, uint size) =>
        OnBpf(command, _calls.AddOrUpdate(command, 1, static (_, n) => n + 1), attr) ?? base.Bpf(command, attr, size);

    internal override long PerfEventOpen(void* attr, int pid, int cpu, int group, ulong flags) =>
        OnPerfEventOpen(++PerfEventOpens) ?? base.PerfEventOpen(attr, pid, cpu, group, flags);

    internal override long Close(int fd)
    {
        Closes++;
        return base.Close(fd);
    }

    internal override string? ReadText(string path) => OnReadText?.Invoke(path) ?? base.ReadText(path);
}
