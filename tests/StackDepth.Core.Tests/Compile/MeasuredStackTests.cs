using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>Recursion and bytes as queries: what is captured when, what is compared how, and what is refused.</summary>
public sealed class MeasuredStackTests
{
    private static readonly ProbeSource<EntryContext> Source = Probe.UProbe("bin", "f");

    private static string Ir(IrQuery query) => IrPrinter.Print(ProbeCompiler.Steps(query, GoldenQueries.Measuring with { Scope = new ProcessScope.All() }));

    [Fact]
    public void Recursion_is_captured_before_all_filters_and_bytes_after_those_that_need_them_not() => Assert.Equal(
        """
        uprobe:bin:f
          filter no pid (the code cannot run in this process)
          capture recursion
          load pid
          where (pid == 7)
          capture region
          where (region.most > 100)
          decide (region.least > 100)
          count hit
          aggregate max of recursion.length

        """,
        Ir(Source.Where(s => s.UStack.Bytes > 100 & s.Pid == 7).Select(s => s.Recursion).Max().Query));

    [Fact]
    public void What_an_incomplete_value_leaves_open_is_undecided_for_free_bytes_too() => Assert.Equal(
        """
        uprobe:bin:f
          filter no pid (the code cannot run in this process)
          capture region
          where (region.free.least < 4096)
          decide (region.free.most < 4096)
          count hit
          emit (region.used, region.free, region.completeness, region.reason)

        """,
        Ir(new IrQuery(
            new IrUserProbe("bin", "f"),
            [Source.Where(s => s.UStack.BytesFree < 4096).Select(s => s.Pid).Query.Predicates[0]],
            new IrEmit([Field(s => s.UStack.Bytes), Field(s => s.UStack.BytesFree), Field(s => s.UStack.BytesCompleteness), Field(s => s.UStack.BytesReason)]))));

    [Fact]
    public void A_stack_has_the_same_bytes_whatever_its_walk() =>
        Assert.Equal(Source.Select(s => s.UStack.Bytes).Query, Source.Select(s => s.UStack.By(StackWalk.Unwind).Bytes).Query);

    [Theory]
    [InlineData("f+4")]
    [InlineData("0x1234")]
    public void Recursion_is_refused_within_a_function(string symbols)
    {
        var error = Assert.Throws<ProbeQueryException>(() => Ir(Probe.UProbe("bin", symbols).Where(s => s.Recursion > 3).Count().Query));
        Assert.Contains($"\"{symbols}\" names an instruction within one", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kernels_stack_has_no_bytes()
    {
        Assert.Contains("KStack.Bytes:", Assert.Throws<ProbeQueryException>(() => Source.Select(s => s.KStack.Bytes)).Message, StringComparison.Ordinal);
        Assert.Contains("UStack.BytesFree", Assert.Throws<ProbeQueryException>(() => Source.Select(s => s.KStack.BytesFree)).Message, StringComparison.Ordinal);
        Assert.Throws<ProbeQueryException>(() => Source.Select(s => s.KStack.BytesCompleteness));
        Assert.Throws<ProbeQueryException>(() => Source.Select(s => s.KStack.BytesReason));
    }

    [Fact]
    public void Both_need_the_kernels_types()
    {
        var old = new StackDepth.Native.Features.KernelProfile { Release = new(5, 16), HasBtf = true };
        foreach (var query in new[] { Source.Select(s => s.Recursion).Query, Source.Select(s => s.UStack.Bytes).Query })
        {
            var error = Assert.Throws<ProbeUnavailableException>(() => StackDepth.Runtime.QueryPlanner.Compile(query, GoldenQueries.Target, old));
            Assert.Contains("need Linux 5.17", error.Message, StringComparison.Ordinal);
            Assert.Throws<ProbeUnavailableException>(
                () => StackDepth.Runtime.QueryPlanner.Compile(query, GoldenQueries.Target, old with { Release = new(6, 18), Architecture = System.Runtime.InteropServices.Architecture.Arm64 }));
        }
    }

    private static IrExpression Field<T>(Func<EntryContext, Expr<T>> select) => select(EntryContext.Instance).Node;
}
