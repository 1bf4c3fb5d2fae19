using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace StackDepth.Live.Tests.Pairs;

/// <summary>The program that a pair asks about.</summary>
internal enum PairTarget
{
    /// <summary>Without libc, all frames with frame pointers.</summary>
    FramePointers,

    /// <summary>With libc, whose frames have no frame pointers; its own have.</summary>
    Libc,

    /// <summary>With libc, and no frame pointers at all.</summary>
    Plain,
}

/// <summary>One question, as a line of bpftrace and as one of C#: the text of the document is the code that runs.</summary>
internal sealed record Pair
{
    internal required string Section { get; init; }

    internal required string Title { get; init; }

    internal required PairTarget Target { get; init; }

    /// <summary>What the target is to do.</summary>
    internal required string Arguments { get; init; }

    /// <summary>bpftrace's line, with APP for the target's path.</summary>
    internal required string Bpftrace { get; init; }

    /// <summary>Ours, with <c>app</c> for the target's path.</summary>
    internal required string CSharp { get; init; }

    internal required Func<string, ProcessStartInfo, Task<(string Answer, ProbeHealth Health)>> Ask { get; init; }

    /// <summary>The right answer, by what the target does.</summary>
    internal required string Answer { get; init; }

    /// <summary>bpftrace's answer where that is another one; else null.</summary>
    internal string? Theirs { get; init; }

    /// <summary>Why bpftrace's is another one.</summary>
    internal string? Reason { get; init; }

    /// <summary>Whether the target itself reports the depth: then its report is the truth, and <see cref="Answer"/> what it is on one machine.</summary>
    internal bool IsReported { get; init; }

    /// <summary>Whether our health must say that the answer is exact.</summary>
    internal bool IsExact { get; init; } = true;

    internal static Pair Of<T>(
        string section, string title, string arguments, string bpftrace, Func<string, ProbeQuery<T>> query, object answer, PairTarget target = PairTarget.FramePointers,
        [CallerArgumentExpression(nameof(query))] string code = "") =>
        Of(section, title, arguments, bpftrace, answer, target, code, async (app, command) =>
        {
            var run = await query(app).RunAsync(command, Quiet, TestContext.Current.CancellationToken);
            return (AnswerText.Of(run.Result), run.Health);
        });

    internal static Pair Stream<T>(
        string section, string title, string arguments, string bpftrace, Func<string, ProbeStream<T>> query, object answer, PairTarget target = PairTarget.FramePointers,
        [CallerArgumentExpression(nameof(query))] string code = "") =>
        Of(section, title, arguments, bpftrace, answer, target, code, async (app, command) =>
        {
            var run = await query(app).RunAsync(command, Quiet, TestContext.Current.CancellationToken);
            return (AnswerText.Of(run.Result), run.Health);
        });

    private static AttachOptions Quiet { get; } = new() { CommandOutput = CommandOutput.Discard };

    private static Pair Of(string section, string title, string arguments, string bpftrace, object answer, PairTarget target, string code, Func<string, ProcessStartInfo, Task<(string, ProbeHealth)>> ask) => new()
    {
        Section = section,
        Title = title,
        Target = target,
        Arguments = arguments,
        Bpftrace = bpftrace,
        CSharp = Body(code),
        Ask = ask,
        Answer = AnswerText.Of(answer),
    };

    /// <summary>What a lambda says, without its parameter; of a block its lines.</summary>
    private static string Body(string code)
    {
        var body = code[(code.IndexOf("=>", StringComparison.Ordinal) + 2)..].Trim();
        if (!body.StartsWith('{'))
            return Dedent(body);
        return Dedent(body[1..^1].Trim('\n', '\r', ' ')).Replace("return ", "", StringComparison.Ordinal);
    }

    private static string Dedent(string text)
    {
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        var indent = lines.Skip(1).Where(static line => line.Trim().Length > 0).Select(static line => line.Length - line.TrimStart().Length).DefaultIfEmpty(0).Min();
        return string.Join('\n', lines.Select((line, index) => index == 0 ? line.Trim() : line.Length < indent ? "" : line[indent..].TrimEnd()));
    }
}
