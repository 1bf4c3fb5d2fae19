using System.Collections.Immutable;
using System.Globalization;

namespace StackDepth.Core.Tests.Results;

public sealed class ResultTextTests
{
    private static readonly ProbeHealth Exact = new(5, 0, 0, 0, 0, 5, 0, 0, 0);

    [Fact]
    public void A_run_says_its_result_exit_code_health_and_number_of_sites()
    {
        var run = new ProbeRun<double>(12.5, 3, Exact) { Sites = [new("./deep", "rec", 1, 1), new("./deep", "leaf", 2, 2)] };

        Assert.Equal("ProbeRun { Result = 12.5, ExitCode = 3, Health = exact: nothing was lost and every stack is complete., Sites = 2 }", run.ToString());
    }

    [Fact]
    public void A_run_that_gathered_values_says_how_many() =>
        Assert.StartsWith("ProbeRun { Result = 3 values, ExitCode = 0,", new ProbeRun<ImmutableArray<int>>([1, 2, 3], 0, Exact).ToString(), StringComparison.Ordinal);

    [Fact]
    public void A_run_without_a_result_still_has_a_text() =>
        Assert.StartsWith("ProbeRun { Result = , ExitCode = 0,", new ProbeRun<int?>(null, 0, Exact).ToString(), StringComparison.Ordinal);

    [Fact]
    public void A_small_table_shows_every_row()
    {
        var lines = Table(10).ToString().Split('\n');

        Assert.Equal(Enumerable.Range(0, 10).Select(static key => $"{key}: {key}.5"), lines.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_large_table_shows_some_rows_and_how_many_more_there_are()
    {
        var table = Table(1_234);

        var lines = table.ToString().Split('\n');

        Assert.Equal("... 1,224 more", lines[^1]);
        Assert.Equal(table.Take(10).Select(static row => string.Create(CultureInfo.InvariantCulture, $"{row.Key}: {row.Value}")), lines[..^1]);
    }

    [Fact]
    public void A_table_without_rows_says_so() => Assert.Equal("empty", Table(0).ToString());

    [Fact]
    public void A_table_does_not_let_a_name_from_the_target_steer_the_terminal() =>
        Assert.Equal("\\x1b[2J\\x0aevil: 1", new ProbeTable<string, int>(ImmutableDictionary<string, int>.Empty.Add("\u001b[2J\nevil", 1)).ToString());

    private static ProbeTable<int, double> Table(int rows) => new(Enumerable.Range(0, rows).ToImmutableDictionary(static key => key, static key => key + 0.5));
}
