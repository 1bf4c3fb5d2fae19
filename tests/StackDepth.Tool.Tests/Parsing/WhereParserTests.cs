using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Tests.Parsing;

public sealed class WhereParserTests
{
    [Fact]
    public void Conditions_are_read_in_their_order() => Assert.Equal(
        [
            new WhereCondition(WhereField.Comm, WhereOperator.Equal, "python3", 0),
            new(WhereField.Pid, WhereOperator.NotEqual, "", 12),
            new(WhereField.Tid, WhereOperator.GreaterOrEqual, "", 5),
        ],
        WhereParser.Parse("comm == python3 && pid!=12&& tid >=5"));

    [Theory]
    [InlineData("comm == \"a b\"", "a b")]
    [InlineData("comm == 'a \"b\"'", "a \"b\"")]
    [InlineData("comm == \"a\\\"b\\\\\"", "a\"b\\")]
    [InlineData("comm==kworker/0:1", "kworker/0:1")]
    [InlineData("comm == \"\"", "")]
    [InlineData("comm == \"a*[b]?\"", "a*[b]?")]
    [InlineData("comm == \"a && b\"", "a && b")]
    [InlineData("comm == 123456789012345", "123456789012345")]
    public void A_value_is_a_word_or_stands_in_quotes(string text, string value) =>
        Assert.Equal(new WhereCondition(WhereField.Comm, WhereOperator.Equal, value, 0), Assert.Single(WhereParser.Parse(text)));

    [Theory]
    [InlineData("pid == 1", WhereOperator.Equal)]
    [InlineData("pid != 1", WhereOperator.NotEqual)]
    [InlineData("pid < 1", WhereOperator.Less)]
    [InlineData("pid <= 1", WhereOperator.LessOrEqual)]
    [InlineData("pid > 1", WhereOperator.Greater)]
    [InlineData("pid >= 1", WhereOperator.GreaterOrEqual)]
    internal void Numbers_are_compared_in_six_ways(string text, WhereOperator op) => Assert.Equal(op, Assert.Single(WhereParser.Parse(text)).Operator);

    [Theory]
    [InlineData("", 0, "expects pid, tid or comm")]
    [InlineData("uid == 3", 0, "knows pid, tid and comm only")]
    [InlineData("comm = deep", 5, "==, not with =")]
    [InlineData("comm == de*", 10, "knows no globs")]
    [InlineData("comm != d?ep", 9, "knows no globs")]
    [InlineData("pid 3", 4, "expects ==")]
    [InlineData("comm > a", 5, "== and != only")]
    [InlineData("pid == deep", 7, "whole number")]
    [InlineData("pid == -1", 7, "whole number")]
    [InlineData("pid == 99999999999", 7, "whole number")]
    [InlineData("pid ==", 6, "expects a value")]
    [InlineData("pid == &&", 7, "expects a value")]
    [InlineData("comm == \"a", 8, "closing quotation mark")]
    [InlineData("comm == \"\\n\"", 9, "escapes")]
    [InlineData("comm == 1234567890123456", 8, "15 bytes")]
    [InlineData("comm == ääääääää", 8, "15 bytes")]
    [InlineData("pid == 1 || pid == 2", 9, "&& only")]
    [InlineData("pid == 1 pid == 2", 9, "expects &&")]
    [InlineData("pid == 1 &&", 11, "expects pid, tid or comm")]
    public void A_fault_is_said_and_shown_where_it_begins(string text, int position, string message)
    {
        var error = Assert.Throws<UsageException>(() => WhereParser.Parse(text));
        Assert.Equal(position, error.Position);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_caret_stands_under_the_fault_even_behind_escaped_characters()
    {
        var lines = Assert.Throws<UsageException>(() => WhereParser.Parse("comm == '\u001b' | x")).Message.Split(Environment.NewLine);
        Assert.Equal("  comm == '\\x1b' | x", lines[1]);
        Assert.Equal(lines[1].IndexOf('|', StringComparison.Ordinal), lines[2].IndexOf('^', StringComparison.Ordinal));
    }
}
