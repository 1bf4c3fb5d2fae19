using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Tests.Parsing;

public sealed class DurationParserTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("5s", 5_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("24h", 86_400_000)]
    public void A_duration_is_a_number_and_a_unit(string text, double milliseconds) => Assert.Equal(milliseconds, DurationParser.Parse(text).TotalMilliseconds);

    [Theory]
    [InlineData("5", "needs a unit")]
    [InlineData("", "needs a unit")]
    [InlineData("s", "number and a unit")]
    [InlineData("5 s", "number and a unit")]
    [InlineData("5days", "number and a unit")]
    [InlineData("-5s", "number and a unit")]
    [InlineData("1.2.3s", "number and a unit")]
    [InlineData("0s", "between")]
    [InlineData("99999h", "between")]
    public void Anything_else_is_refused(string text, string message) =>
        Assert.Contains(message, Assert.Throws<UsageException>(() => DurationParser.Parse(text)).Message, StringComparison.Ordinal);
}
