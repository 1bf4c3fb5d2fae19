using System.Text;
using StackDepth.Native.Link;
using StackDepth.Native.Targets;

namespace StackDepth.Live.Tests.Generated;

/// <summary>Two processes that make hits, and what is known of each hit without the programs that are tried.</summary>
internal sealed class LiveHits : IDisposable
{
    private const long Second = 1_000_000_000;

    private readonly HitServer[] _servers = [new(), new()];
    private readonly ProbeTarget _target;
    private readonly HitRecorder _entries;
    private readonly HitRecorder _returns;
    private long _count;

    internal LiveHits()
    {
        _target = TargetResolver.Resolve(HitServer.Program, "hit_*", new());
        Functions = new(_target.AttachPath, [.. HitServer.Functions.Select(name => _target.Sites.Single(site => site.Symbol == name).Offset)], [], Pid: 0, IsReturn: false);
        _entries = new(Functions, atReturns: false);
        _returns = new(Functions, atReturns: true);
    }

    /// <summary>What arguments of hits can point to.</summary>
    internal static string[] Texts { get; } = [.. RandomQueries.Comms, new string('x', 39)];

    /// <summary>The probed functions, in the order of their numbers.</summary>
    internal UprobeRequest Functions { get; }

    /// <summary>The processes, then threads.</summary>
    internal IEnumerable<int> Ids => [.. _servers.Select(static server => server.Pid), .. _servers.SelectMany(static server => server.Threads).Select(static thread => thread.Tid).Except(_servers.Select(static server => server.Pid))];

    internal static PlannedHit Plan(Random random, RandomQueries numbers) => new(
        random.Next(2), random.Next(3), random.Next(HitServer.Functions.Length), random.Next(4) == 0 ? random.Next(200) : random.Next(12),
        RandomQueries.Comms[random.Next(RandomQueries.Comms.Length)], Pick(random, 0u, 1u, 1000u, (uint)int.MaxValue, uint.MaxValue - 1), Pick(random, 0u, 8u, uint.MaxValue - 1),
        [.. Enumerable.Range(0, 6).Select(_ => random.Next(3) == 0 ? new PlannedArgument(0, random.Next(Texts.Length)) : new PlannedArgument(numbers.Number64()))]);

    /// <summary>Makes a hit; what it is at the entry, and at the return.</summary>
    internal (Hit Entry, Hit Return) Play(PlannedHit planned)
    {
        var server = _servers[planned.Process];
        var thread = server.Threads[planned.Thread];
        server.Play(planned);
        var arguments = planned.Arguments.Select(argument => argument.In(server)).ToArray();
        var entry = new Hit
        {
            Cpu = thread.Cpu,
            Pid = server.Pid,
            Tid = thread.Tid,
            Comm = WireText.Comm(planned.Comm),
            Uid = planned.Uid,
            Gid = planned.Gid,
            CgroupId = server.CgroupId,
            Cookie = (ulong)planned.Function,
            Timestamp = Second * ++_count,
            Arguments = arguments,
            Texts = server.Texts.Zip(Texts).ToDictionary(static text => text.First, static text => Encoding.UTF8.GetBytes(text.Second)),
        };
        // Each function answers another argument. At its return its own frame is gone; at its entry the kernel's walk misses its caller, unless it begins with a push.
        var frames = thread.Chained + planned.Depth;
        return (
            WithStack(entry, _entries.Take(), planned.Function == 0 ? frames : frames - 1),
            WithStack(entry with { Return = new(arguments[planned.Function], 0, 0) }, _returns.Take(), frames - 1));
    }

    private static Hit WithStack(Hit hit, List<ulong[]> recorded, int frames)
    {
        var stack = Assert.Single(recorded);
        Assert.Equal(int.Min(frames, HitRecorder.MaxFrames), stack.Length);
        return hit with { UserStack = stack.Length * sizeof(ulong), UserFrames = stack };
    }

    public void Dispose()
    {
        _entries.Dispose();
        _returns.Dispose();
        _target.Dispose();
        foreach (var server in _servers)
            server.Dispose();
    }

    private static T Pick<T>(Random random, params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];
}
