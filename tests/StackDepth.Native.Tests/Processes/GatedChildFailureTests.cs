using System.ComponentModel;
using StackDepth.Native.Processes;

namespace StackDepth.Native.Tests.Processes;

public sealed class GatedChildFailureTests
{
    private static async Task<Win32Exception> FailsToExecute(string fileName)
    {
        using GatedChild child = GatedChild.Start(new ChildCommand { FileName = fileName });
        var e = Assert.Throws<Win32Exception>(child.Release);
        Assert.Contains($"Cannot execute '{fileName}'", e.Message, StringComparison.Ordinal);
        var wait = await Assert.ThrowsAsync<Win32Exception>(() => child.WaitForExitAsync(TestContext.Current.CancellationToken));
        Assert.Equal(e.NativeErrorCode, wait.NativeErrorCode);
        Assert.Null(Proc.State(child.Pid));
        child.Release();
        child.Kill();
        return e;
    }

    [Fact]
    public async Task A_missing_file_shows_at_the_release() => Assert.Equal(2, (await FailsToExecute("/no/such/program")).NativeErrorCode);

    [Fact]
    public async Task A_file_that_is_not_executable_shows_at_the_release()
    {
        using var scratch = new Scratch();
        await File.WriteAllTextAsync(scratch["text"], "#!/bin/sh\n", TestContext.Current.CancellationToken);
        Assert.Equal(13, (await FailsToExecute(scratch["text"])).NativeErrorCode);
        Assert.Equal(13, (await FailsToExecute(scratch.Root)).NativeErrorCode);
    }

    [Theory]
    [InlineData("no program at all\n", 8)]
    [InlineData("#!/no/such/interpreter\n", 2)]
    public async Task A_file_that_no_loader_takes_shows_at_the_release(string content, int error)
    {
        using var scratch = new Scratch();
        await File.WriteAllTextAsync(scratch["file"], content, TestContext.Current.CancellationToken);
        Proc.MakeExecutable(scratch["file"]);
        Assert.Equal(error, (await FailsToExecute(scratch["file"])).NativeErrorCode);
    }

    [Fact]
    public void Arguments_beyond_the_kernels_limit_show_at_the_release()
    {
        using GatedChild child = GatedChild.Start(Commands.Shell("true", new string('x', 1 << 20)));
        Assert.Equal(7, Assert.Throws<Win32Exception>(child.Release).NativeErrorCode);
    }

    [Fact]
    public void A_name_that_is_not_in_PATH_and_a_missing_directory_show_at_the_start()
    {
        var missing = Assert.Throws<FileNotFoundException>(() => GatedChild.Start(new ChildCommand { FileName = "no-such-program-anywhere" }));
        Assert.Contains("PATH", missing.Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => GatedChild.Start(Commands.Shell("true") with { WorkingDirectory = "/no/such/directory" }));
    }

    [Fact]
    public async Task An_action_that_fails_in_the_child_shows_at_the_start_and_leaves_nothing()
    {
        // A directory that is there for this process and not for the child, which has a task of its own.
        string directory = $"/proc/self/task/{Environment.ProcessId}/cwd";
        Assert.True(Directory.Exists(directory));
        int[] before = [.. Proc.Children()];

        var e = Assert.Throws<Win32Exception>(() => GatedChild.Start(Commands.Shell("true") with { WorkingDirectory = directory }));
        Assert.Equal(2, e.NativeErrorCode);
        Assert.Contains(directory, e.Message, StringComparison.Ordinal);
        await Proc.Until(() => !Proc.Children().Except(before).Any(pid => Proc.State(pid) == 'Z'), "no zombie is left");
    }
}
