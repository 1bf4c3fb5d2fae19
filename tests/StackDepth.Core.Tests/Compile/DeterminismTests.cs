using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Core.Tests.Compile;

public sealed class DeterminismTests
{
    public static TheoryData<string> Names { get; } = [.. GoldenQueries.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_query_compiled_twice_gives_equal_specs_and_bytes(string name)
    {
        var (query, target) = GoldenQueries.All[name];
        var (first, second) = (ProbeCompiler.Compile(query, target), ProbeCompiler.Compile(query with { Predicates = [.. query.Predicates] }, target));

        Assert.Equal(first, second);
        Assert.Equal(first.GetHashCode(), second.GetHashCode());
        Assert.NotSame(first.Program, second.Program);
        Assert.Equal(InstructionEncoder.Encode(first.Program.Instructions.AsSpan()), InstructionEncoder.Encode(second.Program.Instructions.AsSpan()));
    }

    [Fact]
    public void Queries_that_differ_have_specs_that_differ()
    {
        var compiled = GoldenQueries.All.Values.Select(static query => ProbeCompiler.Compile(query.Query, query.Target)).ToArray();

        Assert.Equal(compiled.Length, compiled.Distinct().Count());
        // Where the link tells processes apart the program has nothing to ask, just as where this process cannot be the one.
        var asking = compiled.Where(static query => query.Ir.Statements[0] is not FilterProcess { Scope: ProcessScope.All }).ToArray();
        Assert.Equal(asking.Length, asking.Select(static query => query.Program).Distinct().Count());
    }

    [Fact]
    public void A_query_that_is_written_again_is_equal()
    {
        static IrQuery Write(int pid) => GoldenQueries.Source.Where(s => s.Pid == pid & s.Comm == "sh").Select(s => (s.Tid, s.UStack.Length)).Query;

        Assert.Equal(Write(1), Write(1));
        Assert.Equal(Write(1).GetHashCode(), Write(1).GetHashCode());
        Assert.NotEqual(Write(1), Write(2));
    }

    [Fact]
    public void Compiling_leaves_the_query_as_it_is_and_a_source_can_be_used_for_many_queries()
    {
        var source = GoldenQueries.Source.Where(s => s.Pid != 1);
        var before = source.Count().Query;
        ProbeCompiler.Compile(before, GoldenQueries.Target);
        source.Where(s => s.Tid == 3).ForProcess(9).Select(s => s.UStack.Length).Max();

        Assert.Equal(before, source.Count().Query);
        Assert.Single(source.Count().Query.Predicates);
        Assert.Null(source.Count().Query.Probe.ProcessId);
    }
}
