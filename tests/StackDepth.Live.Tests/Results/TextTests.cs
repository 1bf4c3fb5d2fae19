using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Results;

/// <summary>Texts that arguments point to, against what the target was given to say.</summary>
public sealed class TextTests
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static readonly string[] Words =
    [
        "", "a", "seven..", "eight...", "/etc/passwd", "/etc/hosts", "größe", "😀", new('y', 12), new('y', 13), new('y', 63), new('y', 64), new('y', 65), new('z', 200), "a", "/etc/passwd",
    ];

    private static string Program => CTarget.Of("texts.c", "texts", ["-O1"]);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Texts_are_delivered_as_they_are_and_cut_ones_say_so()
    {
        var run = await Probe.UProbe(Program, "said").Select(s => (s.ArgString(0), s.Arg(1))).RunAsync(new(Program, Words), Quiet, Cancellation);

        Assert.Equal(Words.Select(static (word, index) => (word.Length > 64 ? word[..64] + "…" : word, index + 1L)), run.Result.Where(static said => said.Item2 > 0));
        Assert.Equal([("\ufffd\ufffd!", -4L), ("last", -5L)], run.Result.Where(static said => said.Item2 < 0));
        // Null, an address of nothing, one of the kernel's, and a text that runs into nothing.
        Assert.Equal((4, Words.Length + 6), (run.Health.ReadErrors, run.Health.Hits));
        Assert.False(run.Health.IsExact);
        Assert.Contains("4 hits are in no result, as a text or an argument of theirs could not be read", run.Health.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Texts_are_keys()
    {
        var run = await Probe.UProbe(Program, "said").GroupBy(s => (s.ArgString(0, 12), s.Comm)).Count().RunAsync(new(Program, Words), Quiet, Cancellation);

        var expected = Words.Append("last").Append("\ufffd\ufffd!").GroupBy(static word => word.Length > 12 ? word[..12] + "…" : word).ToDictionary(static group => (group.Key, "texts"), static group => (long)group.Count());
        Assert.Equal(expected.OrderBy(static pair => pair.Key.Key, StringComparer.Ordinal), run.Result.OrderBy(static pair => pair.Key.Item1, StringComparer.Ordinal));
        Assert.Equal((0, 4), (run.Health.KeysLost, run.Health.ReadErrors));
    }

    [Fact]
    public async Task Filters_compare_the_bytes_that_were_taken()
    {
        await Check(s => s.ArgString(0) == "/etc/passwd", static word => word == "/etc/passwd");
        await Check(s => s.ArgString(0) != "/etc/passwd", static word => word != "/etc/passwd", others: 2);
        await Check(s => s.ArgString(0).StartsWith("/etc/"), static word => word.StartsWith("/etc/", StringComparison.Ordinal));
        await Check(s => s.ArgString(0, 10).IsIn("a", "größe", "", "😀"), static word => word is "a" or "größe" or "" or "😀");
        // A text that was cut equals none, though it begins so.
        await Check(s => s.ArgString(0, 12) == new string('y', 12), static word => word == new string('y', 12));
        await Check(s => s.ArgString(0, 12).StartsWith(new string('y', 12)), static word => word.StartsWith(new string('y', 12), StringComparison.Ordinal));
        await Check(s => s.Arg(1) > 0L & s.ArgString(0) != "a", static word => word != "a");

        static async Task Check(Func<EntryContext, Expr<bool>> filter, Func<string, bool> model, int others = 0)
        {
            var run = await Probe.UProbe(Program, "said").Where(filter).Count().RunAsync(new ProcessStartInfo(Program, Words), Quiet, Cancellation);
            Assert.Equal(Words.Count(model) + others, run.Result);
        }
    }
}
