using System.Text;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;
using StackDepth.Symbols;
using static StackDepth.Live.Tests.Symbols.NamedTarget;

namespace StackDepth.Live.Tests.Symbols;

/// <summary>Stacks of processes that are gone when they are named, against what the processes themselves have said. Alone: some turn the system's counter of process ids back.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class FrameNamesTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly MappingFeed _feed = OpenFeed();

    [Fact]
    public void A_command_that_ends_at_once_is_named_after_it()
    {
        using var names = FollowsUs();
        var program = Program(_folder, "once", "runs_once");
        for (var i = 0; i < 20; i++)
            Check(names, Run(program, "exit"), program);
    }

    [Fact]
    public void So_is_whoever_maps_the_target_and_nobody_else()
    {
        var program = Program(_folder, "wanted", "is_target");
        var other = Program(_folder, "other", "is_other");
        using var names = new FrameNames(_feed, [UnwindFileKey.Of(program)!.Value]);
        Check(names, Run(program, "exit"), program);
        Check(names, Run(program, "exec", program, "exit"), program);
        var unwanted = Assert.Single(Run(other, "exit"));
        AssertUnnamed(names.Name(unwanted.Pid, unwanted.StartedAt, [unwanted.Address], true, unwanted.At), unwanted.Address);
    }

    [Fact]
    public void A_process_that_had_the_target_before_is_named_after_its_end()
    {
        var program = Program(_folder, "before", "was_there");
        using var process = Start(program, "wait");
        var said = Said.Parse(process.StandardOutput.ReadLine()!);
        using var names = new FrameNames(_feed, [UnwindFileKey.Of(program)!.Value]);
        names.FollowThoseWith(UnwindFileKey.Of(program)!.Value);
        process.StandardInput.Close();
        process.WaitForExit();
        Check(names, [said], program);
    }

    [Fact]
    public void A_stack_is_named_by_the_program_that_ran_when_it_was_walked()
    {
        using var names = FollowsUs();
        var first = Program(_folder, "first", "runs_first");
        var second = Program(_folder, "second", "runs_second", isOther: true);
        foreach (var mode in new[] { "exec", "thread-exec" })
        {
            var said = Run(first, mode, second, "exec", first, "exit");
            Assert.Equal(["runs_first", "runs_second", "runs_first"], said.Select(static one => one.Name));
            Assert.Single(said.Select(static one => one.Pid).Distinct());
            Check(names, said[..1], first);
            Check(names, said[1..2], second);
            Check(names, said[2..], first);
            var last = said[2];
            Assert.Equal("runs_first", Assert.Single(names.Name(last.Pid, last.StartedAt, [last.Address])).Symbol);
        }
    }

    [Fact]
    public void Forks_have_what_their_parent_had()
    {
        using var names = FollowsUs();
        var program = Program(_folder, "forks", "is_forked");
        var other = Program(_folder, "execd", "is_execd", isOther: true);
        var said = Run(program, "fork", other, "exit");
        Assert.Equal(6, said.Select(static one => one.Pid).Distinct().Count());
        Assert.Equal((6, 2), (said.Count(static one => one.Name == "is_forked"), said.Count(static one => one.Name == "is_execd")));
        foreach (var one in said)
            Check(names, [one], one.Name == "is_forked" ? program : other);
    }

    [Fact]
    public void A_library_is_named_after_it_was_closed_and_another_took_its_place()
    {
        using var names = FollowsUs();
        var program = Program(_folder, "opens", "opens_libraries");
        string[] libraries = [Library(_folder, "in_one"), Library(_folder, "in_another"), Library(_folder, "in_one")];
        var said = Run(program, ["open", .. libraries]);
        Assert.Equal(["opens_libraries", "in_one", "in_another", "in_one"], said.Select(static one => one.Name));
        // Else the test shows less than it says.
        Assert.Single(said.Skip(1).Select(static one => one.Address).Distinct());
        Check(names, said[..1], program);
        for (var i = 0; i < libraries.Length; i++)
            Check(names, [said[i + 1]], libraries[i]);
    }

    [Fact]
    public void A_program_that_was_deleted_while_it_ran_is_named()
    {
        using var names = FollowsUs();
        var program = Program(_folder, "deleted", "is_deleted");
        using var process = Start(program, "wait");
        var said = Said.Parse(process.StandardOutput.ReadLine()!);
        _feed.CatchUp();
        File.Delete(program);
        process.StandardInput.Close();
        process.WaitForExit();
        Check(names, [said], program);
    }

    [Fact]
    public void A_process_in_another_mount_namespace_is_named_by_its_own_files()
    {
        Requires.SysAdmin();
        Requires.Tool("unshare");
        using var names = FollowsUs();
        var program = Program(_folder, "contained", "is_contained");
        var hidden = _folder["tmp"] + "/contained";
        Directory.CreateDirectory(_folder["tmp"]);
        using var process = Start("unshare", "--mount", "sh", "-c", $"mount -t tmpfs none {_folder["tmp"]} && cp {program} {hidden} && exec {hidden} wait");
        var said = Said.Parse(process.StandardOutput.ReadLine()!);
        _feed.CatchUp();
        process.StandardInput.Close();
        process.WaitForExit();
        Assert.False(File.Exists(hidden));
        Check(names, [said], hidden);
    }

    [Theory]
    [InlineData("grüße-人")]
    [InlineData("a\nb\tc\u001b[31m d\\012")]
    public void Names_of_files_are_as_they_are_and_escaped_when_shown(string file)
    {
        using var names = FollowsUs();
        var program = Program(_folder, file, "has_odd_file");
        var frame = Check(names, Run(program, "exit"), program);
        Assert.DoesNotContain(frame.ToString(), char.IsControl);
    }

    [Fact]
    public void A_file_whose_name_is_no_text_is_named_by_what_it_has()
    {
        Requires.Tool("sh");
        using var names = FollowsUs();
        var program = Program(_folder, "text", "has_no_text");
        using var process = Start("sh", "-c", $"p=$(printf '{_folder["x"]}\\377'); cp {program} \"$p\"; exec \"$p\" wait");
        var said = Said.Parse(process.StandardOutput.ReadLine()!);
        _feed.CatchUp();
        process.StandardInput.Close();
        process.WaitForExit();

        // The runtime cannot name it to delete it.
        using var remove = Start("sh", "-c", $"rm {_folder["x"]}*");
        remove.WaitForExit();
        Check(names, [said], Encoding.UTF8.GetString([.. Encoding.UTF8.GetBytes(_folder["x"]), 0xff]));
    }

    [Fact]
    public void A_process_that_got_the_number_of_another_is_told_from_it()
    {
        Requires.SysAdmin();
        using var names = FollowsUs();
        var first = Program(_folder, "older", "is_older");
        var second = Program(_folder, "newer", "is_newer", isOther: true);
        var said = Run(first, "again", first, second);
        var older = said[1];
        var newer = said.Single(one => one.Name == "is_newer" && one.Pid == older.Pid);
        Assert.NotEqual(older.StartedAt, newer.StartedAt);
        Check(names, [older], first);
        Check(names, [newer], second);
        Assert.Equal("is_older", Assert.Single(names.Name(older.Pid, older.StartedAt, [older.Address])).Symbol);
        AssertUnnamed(names.Name(older.Pid, newer.At, [older.Address]), older.Address);
        AssertUnnamed(names.Name(older.Pid, older.StartedAt - 2_000_000_000, [older.Address]), older.Address);
    }

    [Fact]
    public void A_process_that_nobody_watched_is_named_while_it_lives()
    {
        var program = Program(_folder, "unwatched", "is_unwatched");
        using var process = Start(program, "wait");
        var said = Said.Parse(process.StandardOutput.ReadLine()!);
        using var names = new FrameNames(null);
        AssertUnnamed(names.Name(said.Pid, said.StartedAt - 10_000_000, [said.Address]), said.Address);
        Check(names, [said with { At = 0 }], program);
        process.StandardInput.Close();
        process.WaitForExit();
        Check(names, [said with { At = 0 }], program);
        AssertUnnamed(names.Name(0, 0, [said.Address]), said.Address);
        AssertUnnamed(names.Name(-1, -1, [said.Address]), said.Address);
        AssertUnnamed(names.Name(int.MaxValue, long.MaxValue, [said.Address]), said.Address);
    }

    [Fact]
    public void When_events_are_lost_no_name_is_wrong_and_those_who_live_are_looked_at_again()
    {
        var program = Program(_folder, "survivor", "survives");
        var burst = Program(_folder, "burst", "bursts", isOther: true);
        using var reading = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        using var feed = MappingFeed.Open(SystemCalls.Real, dataPages: 1);
        using var names = new FrameNames(feed, [UnwindFileKey.Of(burst)!.Value], _ =>
        {
            reading.Set();
            return go.Wait(Eventually.Limit);
        });
        using var process = Start(program, "wait");
        var said = Said.Parse(process.StandardOutput.ReadLine()!);
        Assert.True(names.Follow(process.Id));
        var lost = Run(burst, "exec", program, "exit").ToList();
        Assert.True(reading.Wait(Eventually.Limit, TestContext.Current.CancellationToken));
        for (var i = 0; i < 100; i++)
            lost.AddRange(Run(burst, "exec", program, "exec", burst, "exit"));
        go.Set();

        // The kernel says how many it lost with the next record that finds room in that ring.
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                lost.AddRange(Run(burst, "exit"));
                _ = names.Name(said.Pid, said.StartedAt, [said.Address]);
                return names.Lost > 100;
            },
            Eventually.Limit));
        var named = 0;
        foreach (var one in lost)
        {
            var frame = Assert.Single(names.Name(one.Pid, one.StartedAt, [one.Address], true, one.At));
            Assert.True(frame.Symbol is null || frame.Symbol == one.Name, $"{one} is {frame}");
            named += frame.Symbol is null ? 0 : 1;
        }
        Assert.InRange(named, 1, lost.Count - 1);
        process.StandardInput.Close();
        process.WaitForExit();
        Check(names, [said with { At = 0 }], program);
        Check(names, Run(burst, "exit"), burst);
    }

    [Fact]
    public void Names_leave_nothing_open()
    {
        var program = Program(_folder, "leaks", "leaks_nothing");
        using (new FdLeakCheck())
        {
            using var feed = OpenFeed();
            using var names = new FrameNames(feed);
            Assert.True(names.Follow(Environment.ProcessId));
            Check(names, Run(program, "fork", program, "exit"), program);
        }
    }

    public void Dispose()
    {
        _feed.Dispose();
        _folder.Dispose();
    }

    private static MappingFeed OpenFeed()
    {
        Requires.Bpf();
        return MappingFeed.Open(SystemCalls.Real);
    }

    private FrameNames FollowsUs()
    {
        var names = new FrameNames(_feed, failed: static error => Assert.Fail(error.ToString()));
        Assert.True(names.Follow(Environment.ProcessId));
        return names;
    }

    private static StackFrame Check(FrameNames names, Said[] said, string module)
    {
        StackFrame frame = default;
        Assert.NotEmpty(said);
        foreach (var one in said)
        {
            if (one.Name == "waiting")
                continue;
            frame = Assert.Single(names.Name(one.Pid, one.StartedAt, [one.Address], true, one.At));
            Assert.Equal(new(one.Address, module, one.Name, 0), frame);
        }
        return frame;
    }

    private static void AssertUnnamed(IEnumerable<StackFrame> frames, ulong address) => Assert.Equal(new StackFrame(address, null, null, 0), Assert.Single(frames));
}
