using System.Diagnostics;

namespace StackDepth.Live.Tests.Pairs;

/// <summary>The bpftrace of the system whose folder STACKDEPTH_PEER names, with its own loader and libraries, and without chroot: the targets have the same paths.</summary>
internal static class PairPeer
{
    /// <summary>Skips the test where there is none, also under STACKDEPTH_REQUIRE=1: it is a foreign program, which no machine of ours has to have.</summary>
    internal static string Find()
    {
        Requires.SysAdmin();
        var root = Environment.GetEnvironmentVariable("STACKDEPTH_PEER");
        if (string.IsNullOrEmpty(root))
            Assert.Skip("STACKDEPTH_PEER names no folder with a bpftrace to compare with.");
        if (!File.Exists(Path.Combine(root, "usr/bin/bpftrace")))
            Assert.Skip($"There is no bpftrace in {root}, which STACKDEPTH_PEER names.");
        return root;
    }

    /// <summary>What it answers; or, where it refuses the line, "refused".</summary>
    internal static async Task<string> Ask(string root, string line, string command)
    {
        ProcessStartInfo start = new(
            Path.Combine(root, "usr/lib64/ld-linux-x86-64.so.2"),
            ["--library-path", Path.Combine(root, "usr/lib/x86_64-linux-gnu"), Path.Combine(root, "usr/bin/bpftrace"), "-q", "-f", "json", "-e", line, "-c", command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        if (process.ExitCode == 0)
            return AnswerText.OfBpftrace(output);
        Assert.Contains("ERROR", await errors, StringComparison.Ordinal);
        return "refused";
    }
}
