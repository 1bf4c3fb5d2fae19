using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Query;

/// <summary>What is refused at returns, or elsewhere, and in which words.</summary>
public sealed class ReturnQueryTests
{
    private static readonly ProbeSource<ReturnContext> Returns = Probe.URetProbe("libc.so.6", "malloc");

    [Fact]
    public void Recursion_is_not_counted_at_returns() =>
        Assert.Equal("Recursion is counted by the stack pointers at a function's entries, and this is a probe of its returns. Use Probe.UProbe.", Refused(Returns.Select(static s => s.Recursion).Max().Query));

    [Theory]
    [InlineData("malloc+4")]
    [InlineData("0x1234")]
    public void An_instruction_does_not_return(string symbols) =>
        Assert.Equal($"A function returns as a whole, and \"{symbols}\" names an instruction. Name the function, without an offset.", Refused(Probe.URetProbe("libc.so.6", symbols).Count().Query));

    [Fact]
    public void What_belongs_to_another_kind_of_probe_is_refused_at_this_one()
    {
        Expr<long> argument = default, result = default, elapsed = default;
        GoldenQueries.Source.Select(s => argument = s.Arg(0));
        Returns.Select(s => result = s.ReturnValue);
        Returns.Select(s => elapsed = s.Elapsed);

        Assert.StartsWith("At a function's return its arguments are gone", Refused(Returns.Select(_ => argument).Query), StringComparison.Ordinal);
        Assert.StartsWith("A result is there at a function's return only, and uprobe:python3:* is none. Use Probe.URetProbe", Refused(GoldenQueries.Source.Select(_ => result).Query), StringComparison.Ordinal);
        Assert.StartsWith("How long a function took is known at its return only, and uprobe:python3:* is none.", Refused(GoldenQueries.Source.Where(_ => elapsed > 1).Count().Query), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6, 12, false, "Elapsed needs uprobe sessions, of Linux 6.13 with type information")]
    [InlineData(6, 9, true, "Elapsed needs kprobe sessions (with CONFIG_FPROBE), of Linux 6.10 with type information")]
    public void Elapsed_needs_a_kernel_that_has_sessions(int major, int minor, bool ofKernel, string message)
    {
        var kernel = new KernelProfile { Release = new(major, minor), HasBtf = true };
        var source = ofKernel ? Probe.KRetProbe("vfs_read") : Returns;

        var error = Assert.Throws<ProbeUnavailableException>(() => ReturnSessions.For(source.Select(static s => s.Elapsed).Query, kernel));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("Leave Elapsed out of the query", error.Remedy, StringComparison.Ordinal);
        Assert.Null(ReturnSessions.For(source.Select(static s => s.ReturnValue).Query, kernel));
    }

    [Fact]
    public void The_result_is_in_a_register_of_x86_64_only()
    {
        var kernel = new KernelProfile { Release = new(6, 18), Architecture = System.Runtime.InteropServices.Architecture.Arm64 };

        Assert.StartsWith("ReturnValue is for x86-64", Assert.Throws<ProbeUnavailableException>(() => ReturnSessions.For(Returns.Select(static s => s.ReturnValue).Query, kernel)).Message, StringComparison.Ordinal);
    }

    private static string Refused(IrQuery query) => Assert.Throws<ProbeQueryException>(() => ProbeCompiler.Compile(query, GoldenQueries.Target)).Message;
}
