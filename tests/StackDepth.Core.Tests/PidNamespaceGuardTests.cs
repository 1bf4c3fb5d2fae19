using StackDepth.Native.Features;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests;

public sealed class PidNamespaceGuardTests
{
    [Fact]
    public void Another_pid_namespace_is_refused_with_a_remedy()
    {
        var error = Assert.Throws<ProbeUnavailableException>(() => PidNamespaceGuard.Check(isInitial: false));
        Assert.Contains("--pid=host", error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(null)]
    public void The_initial_one_and_one_that_cannot_be_told_pass(bool? isInitial) => PidNamespaceGuard.Check(isInitial);

    [Fact]
    public void The_link_tells()
    {
        var directory = Directory.CreateTempSubdirectory();
        try
        {
            var link = Path.Combine(directory.FullName, "pid");
            File.CreateSymbolicLink(link, "pid:[4026532205]");
            Assert.False(PidNamespace.IsInitial(link));
            File.Delete(link);
            File.CreateSymbolicLink(link, "pid:[4026531836]");
            Assert.True(PidNamespace.IsInitial(link));
            Assert.Null(PidNamespace.IsInitial(Path.Combine(directory.FullName, "none")));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
