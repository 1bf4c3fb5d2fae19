using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Threads;

/// <summary>Stacks that a program made up (Targets/Walks/hostile.c): the call ends, and says of none that it is complete.</summary>
public sealed class HostileThreadTests
{
    private static readonly Dictionary<string, StackReason> s_expected = new()
    {
        ["endless"] = StackReason.FrameLimit,
        ["circle"] = StackReason.GuessFailed,
        ["userfault"] = StackReason.ReadFailed,
        ["zero"] = StackReason.ReadFailed,
        ["last"] = StackReason.Corrupt,
        ["kernel"] = StackReason.ReadFailed,
        ["unaligned"] = StackReason.Corrupt,
        ["edge"] = StackReason.NoProof,
        ["mappings"] = StackReason.NoProof,
        // Where the system lets nobody serve page faults, those are pages of zeros.
        ["refused"] = StackReason.NoProof,
    };

    [Fact]
    public async Task Stacks_that_were_made_up_break_nothing_and_are_not_complete()
    {
        Requires.Bpf();
        var program = Builds.C("hostile", "-O2", "-pthread", "hostile.c");
        string[] kinds = ["endless", "circle", "userfault", "last", "kernel", "unaligned", "edge", "mappings"];
        using var process = Process.Start(new ProcessStartInfo(program, kinds) { RedirectStandardOutput = true })!;
        try
        {
            Dictionary<int, string> said = [];
            while (said.Count <= kinds.Length)
            {
                var words = (await Eventually.Done(process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask()))!.Split(' ');
                said.Add(int.Parse(words[0], CultureInfo.InvariantCulture), words[1]);
            }
            await Eventually.True(() => said.Keys.All(tid => ParkedTarget.SystemCall(process.Id, tid)[0] == "34"), "all pause");

            for (var round = 0; round < 3; round++)
            {
                var seen = Probe.Threads(process.Id);
                Assert.Equal(said.Keys.Order(), seen.Select(static thread => thread.Tid));
                Assert.All(seen, thread => Assert.Equal((said[thread.Tid], s_expected[said[thread.Tid]]), (said[thread.Tid], thread.Reason)));
                Assert.Equal(1 << 20, seen.Single(thread => said[thread.Tid] == "endless").User);
            }
            Assert.All(Probe.Threads(process.Id, new() { MaxFrames = 10 }), static thread => Assert.InRange(thread.User, 1, 10));
            Assert.Contains(Probe.Threads(), thread => thread.Pid == process.Id);
        }
        finally
        {
            process.Kill();
        }
    }

    [Fact]
    public async Task A_name_of_any_bytes_is_a_name()
    {
        Requires.Bpf();
        using var folder = new Folder();
        var program = folder["a\u001b[31mb\nc"];
        File.Copy(ParkedTarget.Program(ParkedTarget.NoFramePointers), program);
        using var process = Process.Start(new ProcessStartInfo(program, ["read:5"]) { RedirectStandardOutput = true })!;
        try
        {
            await Eventually.Done(process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask());
            Assert.All(Probe.Threads(process.Id), static thread => Assert.Equal("a\u001b[31mb\nc", thread.Comm));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }
}
