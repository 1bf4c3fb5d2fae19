using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace StackDepth.Live.Tests.Generated;

/// <summary>A hit as the target is told to make it.</summary>
/// <param name="Process">Which of the processes.</param>
/// <param name="Thread">Which of its three threads.</param>
/// <param name="Function">The number of the probed function in <see cref="HitServer.Functions"/>.</param>
/// <param name="Depth">How deep in recursion.</param>
/// <param name="Comm">The thread's name.</param>
/// <param name="Uid">The real user id.</param>
/// <param name="Gid">The real group id.</param>
/// <param name="Arguments">The six arguments.</param>
internal sealed record PlannedHit(int Process, int Thread, int Function, int Depth, string Comm, uint Uid, uint Gid, ImmutableArray<PlannedArgument> Arguments)
{
    /// <summary>The line that the target reads (Targets/hits.c).</summary>
    internal string LineFor(HitServer server) => string.Create(
        CultureInfo.InvariantCulture, $"{Thread} {Function} {Depth} {Uid} {Gid} 1 {string.Join(' ', Arguments.Select(argument => argument.In(server)))} {Convert.ToHexString(Encoding.UTF8.GetBytes(Comm))}");

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"process {Process} thread {Thread} {HitServer.Functions[Function]} depth {Depth} \"{Comm}\" uid {Uid} gid {Gid} ({string.Join(", ", Arguments)})");
}

/// <summary>An argument: a number, or where a process has one of its texts.</summary>
internal readonly record struct PlannedArgument(long Number, int? Text = null)
{
    internal long In(HitServer server) => Text is { } text ? server.Texts[text] : Number;

    public override string ToString() => Text is { } text ? $"text {text}" : Number.ToString(CultureInfo.InvariantCulture);
}
