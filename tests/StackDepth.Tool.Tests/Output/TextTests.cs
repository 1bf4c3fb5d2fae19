using StackDepth.Tool.Output;

namespace StackDepth.Tool.Tests.Output;

public sealed class TextTests
{
    [Theory]
    [InlineData("python3", "python3")]
    [InlineData("größe [red]x[/]", "größe [red]x[/]")]
    [InlineData("a\u001b[31mb", "a\\x1b[31mb")]
    [InlineData("a\nb\tc\u007f", "a\\x0ab\\x09c\\x7f")]
    [InlineData("a\u0085b", "a\\x85b")]
    [InlineData("a\u202eb", "a\\u{202e}b")]
    [InlineData("😀\u0001", "😀\\x01")]
    public void Characters_that_steer_a_terminal_are_escaped(string name, string printed) => Assert.Equal(printed, PrintableName.Of(name));

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "▏")]
    [InlineData(40, "███▎")]
    [InlineData(50, "████")]
    [InlineData(100, "████████")]
    public void A_bar_is_as_long_as_its_share_and_never_vanishes(long value, string bar) => Assert.Equal(bar, Bars.Draw(value, 100, 8, unicode: true));

    [Fact]
    public void A_bar_has_its_length_in_whole_characters_where_there_are_no_blocks()
    {
        Assert.Equal("#", Bars.Draw(1, 1_000, 8, unicode: false));
        Assert.Equal("########", Bars.Draw(1_000, 1_000, 8, unicode: false));
        Assert.Equal("", Bars.Draw(1, 1, 0, unicode: false));
    }
}
