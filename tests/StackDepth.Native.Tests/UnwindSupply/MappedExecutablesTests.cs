using System.Diagnostics;
using System.Text;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.UnwindSupply;

public sealed class MappedExecutablesTests
{
    [Fact]
    public void Lines_of_maps_are_read_and_others_left_out()
    {
        var found = Assert.Single(MappedExecutables.Parse(Encoding.UTF8.GetBytes(
            """
            55d0c0000000-55d0c0001000 r--p 00000000 fe:01 1234                       /usr/bin/a b
            55d0c0001000-55d0c0002000 r-xp 00001000 fe:01 1234                       /usr/bin/a b
            55d0c0008000-55d0c0009000 r-xp 00008000 fe:01 1234                       /usr/bin/a b
            7f0000000000-7f0000001000 r-xp 00000000 00:00 0 
            7ffe00000000-7ffe00002000 r-xp 00000000 00:00 0                          [vdso]
            7f-xyz r-xp
            7f0000000000-7f0000001000 r-xp 00000000 fe01 99 /x
            
            7f0000000000-7f0000001000 r-x
            """)));
        Assert.Equal(new MappedExecutable(0x55d0c0001000, 0x55d0c0002000, new UnwindFileKey(1234, (0xfe << 20) | 1), "/usr/bin/a b"), found);
    }

    [Fact]
    public void A_process_that_is_gone_has_no_mappings() => Assert.Empty(MappedExecutables.Of(int.MaxValue));

    [Fact]
    public void The_kernel_and_stat_mean_the_same_file()
    {
        var mappings = MappedExecutables.Of(Environment.ProcessId);
        var self = Assert.Single(mappings, static mapping => mapping.Path == Environment.ProcessPath);
        Assert.Equal(UnwindFileKey.Of("/proc/self/exe"), self.Key);
        Assert.Contains(mappings, static mapping => mapping.Path.Contains("libc.so", StringComparison.Ordinal));
        using var file = File.OpenHandle("/proc/self/exe");
        Assert.Equal(self.Key, UnwindFileKey.Of(file));
        Assert.Null(UnwindFileKey.Of("/nowhere"));
        Assert.Equal(new FileInfo("/proc/self/exe").ResolveLinkTarget(true)!.FullName, Environment.ProcessPath);
        Assert.False(FileStatus.Of("/dev/null")!.Value.IsRegular);
    }

    [Fact]
    public void The_processes_of_a_file_are_found()
    {
        Requires.Tool("sleep");
        using var child = Process.Start(new ProcessStartInfo("/usr/bin/sleep", ["100"]))!;
        try
        {
            var key = UnwindFileKey.Of("/usr/bin/sleep")!.Value;
            // Between fork and exec it still has the parent's mappings.
            SpinWait.SpinUntil(() => MappedExecutables.Of(child.Id).Exists(mapping => mapping.Key == key), TimeSpan.FromSeconds(10));
            var processes = MappedExecutables.OfProcessesWith([key]).ToArray();
            var found = Assert.Single(processes, process => process.ProcessId == child.Id);
            Assert.Contains(found.Mappings, mapping => mapping.Key == key);
            Assert.Contains(found.Mappings, static mapping => mapping.Path.Contains("libc.so", StringComparison.Ordinal));
            Assert.DoesNotContain(processes, static process => process.ProcessId == Environment.ProcessId);
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
        }
    }
}
