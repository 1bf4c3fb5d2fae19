using StackDepth.Native.Asm;

namespace StackDepth.Native.Tests.Asm;

public sealed class HelperTests
{
    [Fact]
    public void The_list_of_helpers_is_complete_to_its_last() =>
        Assert.Equal(Enumerable.Range(1, 211), Enum.GetValues<HelperId>().Select(helper => (int)helper).Order());

    [Theory]
    [InlineData(1, "bpf_map_lookup_elem")]
    [InlineData(10, "bpf_l3_csum_replace")]
    [InlineData(14, "bpf_get_current_pid_tgid")]
    [InlineData(67, "bpf_get_stack")]
    [InlineData(112, "bpf_probe_read_user")]
    [InlineData(118, "bpf_jiffies64")]
    [InlineData(131, "bpf_ringbuf_reserve")]
    [InlineData(211, "bpf_cgrp_storage_delete")]
    [InlineData(0, "unknown")]
    [InlineData(212, "unknown")]
    [InlineData(-1, "unknown")]
    public void Helpers_have_the_kernels_names(int id, string name) => Assert.Equal(name, ((HelperId)id).KernelName());
}
