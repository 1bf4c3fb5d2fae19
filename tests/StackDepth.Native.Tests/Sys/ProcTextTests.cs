using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Sys;

public sealed class ProcTextTests
{
    [Theory]
    [InlineData("0-1\n", 2, 0)]
    [InlineData("0", 1, 0)]
    [InlineData("2-5,8,10-11", 7, 2)]
    public void A_list_of_cpus_is_counted(string text, int count, int first) => Assert.Equal((count, first), ProcText.CpuList(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("a-b")]
    [InlineData("3-1")]
    [InlineData("0-1,1")]
    [InlineData("0-99999999")]
    [InlineData("0-4294967296")]
    [InlineData("-1")]
    [InlineData("0--1")]
    public void A_list_of_cpus_that_is_none_is_not_believed(string? text) => Assert.Null(ProcText.CpuList(text));

    [Theory]
    [InlineData("6.18.44-fc-v669\n", "6.18.44")]
    [InlineData("5.15-rc1", "5.15.0")]
    [InlineData("4.19.0+", "4.19.0")]
    public void The_release_is_the_leading_numbers(string text, string release) => Assert.Equal(Version.Parse(release), ProcText.Release(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("six")]
    [InlineData("6")]
    [InlineData("99999999999.1")]
    public void A_release_that_is_none_is_null(string? text) => Assert.Null(ProcText.Release(text));

    [Fact]
    public void Fields_are_found_by_their_whole_name()
    {
        const string status = "CapEffX:\t1\nCapEff:\t000000c000000000\nTgid:\t7";
        Assert.Equal("000000c000000000", ProcText.Field(status, "CapEff"));
        Assert.Equal("7", ProcText.Field(status, "Tgid"));
        Assert.Null(ProcText.Field(status, "Cap"));
        var set = CapabilitySet.Parse(status)!.Value;
        Assert.True(set.Has(Capability.Bpf) && set.Has(Capability.Perfmon) && !set.Has(Capability.SysAdmin));
        Assert.True(new CapabilitySet(1UL << 21).Grants(Capability.Bpf));
        Assert.False(new CapabilitySet(1UL << 21).Grants(Capability.SysPtrace));
        Assert.Null(CapabilitySet.Parse("CapEff:\tnonsense"));
    }
}
