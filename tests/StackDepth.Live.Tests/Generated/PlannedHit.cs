using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace StackDepth.Live.Tests.Generated;

/// <summary>A hit as the target is told to make it.</summary>
/// <param name="Process">Which of the two processes.</param>
/// <param name="Thread">Which of its three threads.</param>
/// <param name="Function">The number of the probed function in <see cref="HitServer.Functions"/>.</param>
/// <param name="Depth">How deep in recursion.</param>
/// <param name="Repeat">How often, one after the other.</param>
/// <param name="Comm">The thread's name.</param>
/// <param name="Uid">The real user id.</param>
/// <param name="Gid">The real group id.</param>
/// <param name="Arguments">The six arguments.</param>
internal sealed record PlannedHit(int Process, int Thread, int Function, int Depth, int Repeat, string Comm, uint Uid, uint Gid, ImmutableArray<long> Arguments)
{
    /// <summary>The line that the target reads (Targets/hits.c).</summary>
    internal string Line => string.Create(
        CultureInfo.InvariantCulture, $"{Thread} {Function} {Depth} {Uid} {Gid} {Repeat} {string.Join(' ', Arguments)} {Convert.ToHexString(Encoding.UTF8.GetBytes(Comm))}");

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"process {Process} thread {Thread} {HitServer.Functions[Function]} depth {Depth} x{Repeat} \"{Comm}\" uid {Uid} gid {Gid} ({string.Join(", ", Arguments)})");
}
