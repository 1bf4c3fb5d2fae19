using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using StackDepth.Native.Processes;

namespace StackDepth.Native.Tests.Processes;

public sealed class ParentDeathTests
{
    private const string Variable = "STACKDEPTH_GATE_A_CHILD_AND_SLEEP";

    /// <summary>This assembly started once more, with the variable set, is the parent that gets killed: it gates a child, says its pid, and sleeps.</summary>
    [ModuleInitializer]
    internal static void BeTheParent()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } file)
        {
            return;
        }

        GatedChild child = GatedChild.Start(Commands.Shell("touch \"$1\"; exec sleep 1000", file));
        if (file.EndsWith("released", StringComparison.Ordinal))
        {
            child.Release();
        }

        Console.WriteLine(child.Pid.ToString(CultureInfo.InvariantCulture));
        Console.Out.Flush();
        Thread.Sleep(Timeout.Infinite);
    }

    private static Process StartParent(string file)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(info.FileName) == "dotnet")
        {
            info.ArgumentList.Add("exec");
            info.ArgumentList.Add(typeof(ParentDeathTests).Assembly.Location);
        }

        info.Environment[Variable] = file;
        return Process.Start(info)!;
    }

    [Fact]
    public async Task A_gated_child_dies_with_its_parent_and_has_not_run()
    {
        using var scratch = new Scratch();
        using Process parent = StartParent(scratch["gated"]);
        int pid = int.Parse((await parent.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!, null);
        await Proc.Until(() => Proc.SleepsInOpen(pid), "the child sleeps in open");

        parent.Kill(); // SIGKILL: nothing of ours runs in the parent any more
        await parent.WaitForExitAsync(TestContext.Current.CancellationToken);
        await Proc.Until(() => Proc.State(pid) is null or 'Z', "the gated child is gone"); // a Z is for init to reap
        Assert.False(File.Exists(scratch["gated"]));
    }

    [Fact]
    public async Task A_released_child_outlives_its_parent()
    {
        using var scratch = new Scratch();
        using Process parent = StartParent(scratch["released"]);
        int pid = int.Parse((await parent.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!, null);

        parent.Kill();
        await parent.WaitForExitAsync(TestContext.Current.CancellationToken);
        await Proc.Until(() => File.Exists(scratch["released"]), "the released child runs");
        Assert.NotNull(Proc.State(pid));
        using Process orphan = Process.GetProcessById(pid);
        orphan.Kill();
    }
}
