using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>
/// The kernel's walk against bpftrace's <c>len(ustack)</c>. STACKDEPTH_PEER names the folder of another system that has bpftrace, entered by chroot. Without it these tests
/// are skipped, also where STACKDEPTH_REQUIRE=1: it is a foreign program, which no machine of ours has to have.
/// </summary>
[Collection(FdLeakCheck.Alone)]
public sealed partial class ParityTests
{
    // From the shallowest stack, each deeper by one, past the limit of the walk; and one far beyond it.
    private const int Deepest = 126, Deep = 500;

    [Theory]
    [InlineData("leaf_push")]
    [InlineData("leaf_bare")]
    [InlineData("leaf_nop")]
    public async Task Depths_are_those_that_bpftrace_finds(string function)
    {
        using var peer = Peer.Enter();
        var commands = $"ramp {function[5..]} {Deepest} 1 ; depth {function[5..]} {Deep} 1";

        using var command = new Command(commands);
        var ours = await Probe.UProbe(command.Start.FileName, function).Select(hit => (hit.UStack.Length, hit.UStack.IsTruncated))
            .RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        var theirs = peer.Depths(function, commands);

        Assert.Equal(Deepest + 2, theirs.Count);
        Assert.Equal(theirs, ours.Result.Select(record => record.Item1));
        Assert.Equal(ours.Result.Select(record => record.Item1 >= Report.KernelWalkLimit), ours.Result.Select(record => record.Item2));
        Assert.InRange(theirs[0], 1, 10);
        Assert.Equal(Enumerable.Range(theirs[0], Report.KernelWalkLimit - theirs[0]), theirs.Where(depth => depth < Report.KernelWalkLimit));

        // Where bpftrace says 127 and no more, we say that it is a lower bound.
        Assert.Equal((Report.KernelWalkLimit, true), ours.Result[^1]);
        Assert.Equal(ours.Result.Count(record => record.Item2), ours.Health.Truncated);
        Assert.Contains("cut", ours.Health.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The other system, with the target's folder mounted into it.</summary>
    private sealed partial class Peer : IDisposable
    {
        private readonly string _root;
        private readonly string _folder;

        private Peer(string root, string folder)
        {
            _root = root;
            _folder = folder;
        }

        internal static Peer Enter()
        {
            var target = CTarget.Shared;
            Requires.SysAdmin();
            var root = Environment.GetEnvironmentVariable("STACKDEPTH_PEER");
            if (string.IsNullOrEmpty(root))
                Assert.Skip("STACKDEPTH_PEER names no folder with a bpftrace to compare with.");
            if (!File.Exists(Path.Combine(root, "usr/bin/bpftrace")))
                Assert.Skip($"There is no bpftrace in {root}, which STACKDEPTH_PEER names.");
            var folder = Path.GetDirectoryName(target)!;
            Directory.CreateDirectory(root + folder);
            Assert.Equal(0, Run("mount", "--bind", folder, root + folder).ExitCode);
            return new(root, folder);
        }

        internal List<int> Depths(string function, string commands)
        {
            var script = $"uprobe:{CTarget.Shared}:{function} {{ printf(\"depth %d\\n\", len(ustack)); }}";
            var (code, output) = Run("chroot", _root, "bpftrace", "-e", script, "-c", $"{CTarget.Shared} {commands}");
            Assert.True(code == 0, output);
            return [.. Depth().Matches(output).Select(static match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];
        }

        public void Dispose() => Assert.Equal(0, Run("umount", _root + _folder).ExitCode);

        [GeneratedRegex(@"^depth (\d+)$", RegexOptions.Multiline)]
        private static partial Regex Depth();

        private static (int ExitCode, string Output) Run(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["REPORT"] = "/dev/null" } })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + errors.Result);
        }
    }
}
