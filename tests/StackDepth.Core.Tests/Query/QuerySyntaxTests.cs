using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Query;

/// <summary>Queries in the query syntax of C# are the queries that the methods build.</summary>
public sealed class QuerySyntaxTests
{
    private static readonly ProbeSource<EntryContext> Source = GoldenQueries.Source;

    [Fact]
    public void Where_and_select_are_the_methods() =>
        Same(Source.Where(s => s.Pid > 1).Where(s => s.Comm == "sh").Select(s => s.UStack.Length).Query, (from s in Source where s.Pid > 1 where s.Comm == "sh" select s.UStack.Length).Query);

    [Fact]
    public void Tuples_and_stacks_are_selected()
    {
        Same(Source.Select(s => (s.Pid, s.UStack.Frames)).Query, (from s in Source select (s.Pid, s.UStack.Frames)).Query);
        Same(Source.Select(s => s.UStack.Take(3)).Query, (from s in Source select s.UStack.Take(3)).Query);
        Same(Source.Select(s => s.KStack.Frames).Query, (from s in Source select s.KStack).Query);
    }

    [Fact]
    public void A_query_that_selects_the_hit_itself_goes_on_as_a_source() =>
        Same(Source.Where(s => s.ForText()).MaxBy(s => s.UStack.Length).Query, (from s in Source where s.ForText() select s).MaxBy(s => s.UStack.Length).Query);

    [Fact]
    public void Hits_are_grouped()
    {
        Same(Source.GroupBy(s => s.Comm).Max(s => s.UStack.Length).Query, (from s in Source group s by s.Comm).Max(s => s.UStack.Length).Query);
        Same(Source.Where(s => s.Pid > 1).GroupBy(s => (s.UStack.Frames, s.Tid)).Count().Query, (from s in Source where s.Pid > 1 group s by (s.UStack.Frames, s.Tid)).Count().Query);
        Same(Source.GroupBy(s => s.UStack.Frames).Count().Query, (from s in Source group s by s.UStack).Count().Query);
    }

    private static void Same(IrQuery methods, IrQuery syntax) => Assert.Equal(methods, syntax);
}

file static class Filters
{
    internal static Expr<bool> ForText(this EntryContext context) => context.ArgString(0).StartsWith("/etc");
}
