using System.Text;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tests.Targets;

public sealed class GlobTests
{
    [Theory]
    [InlineData("*", "", true)]
    [InlineData("**", "anything", true)]
    [InlineData("Py*Call", "PyObject_Call", true)]
    [InlineData("Py*Call", "PyObject_Calls", false)]
    [InlineData("*a*b*c", "xxaxxbxxbxxc", true)]
    [InlineData("*a*b*c", "xxaxxcxxb", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("[]x]", "]", true)]
    [InlineData("[!]x]", "]", false)]
    [InlineData("[^a-c]", "d", true)]
    [InlineData("[a-c-]", "-", true)]
    [InlineData("[a-c]*", "b1", true)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "a", false)]
    [InlineData("\\[a", "[a", true)]
    [InlineData("é?", "éa", true)]
    public void A_glob_matches_whole_names(string pattern, string name, bool expected) =>
        Assert.Equal(expected, new Glob(pattern).IsMatch(Encoding.UTF8.GetBytes(name)));

    [Theory]
    [InlineData("[")]
    [InlineData("a[]")]
    [InlineData("a[!]")]
    [InlineData("x[a-")]
    public void A_class_without_its_end_is_refused(string pattern) => Assert.Throws<TargetException>(() => new Glob(pattern));

    [Fact]
    public void Many_stars_do_not_make_a_match_explode() =>
        Assert.False(new Glob(string.Concat(Enumerable.Repeat("*a", 200)) + "b").IsMatch(Encoding.UTF8.GetBytes(new string('a', 5000))));

    [Theory]
    [InlineData("3.9", "3.12", -1)]
    [InlineData("libssl.so.1.1", "libssl.so.3", -1)]
    [InlineData("3.11.10", "3.11.9", 1)]
    [InlineData("3.011", "3.11", 0)]
    [InlineData("3", "3.1", -1)]
    public void Versions_are_ordered_by_the_value_of_their_numbers(string a, string b, int expected) =>
        Assert.Equal(expected, Math.Sign(NaturalOrder.Instance.Compare(a, b)));
}
