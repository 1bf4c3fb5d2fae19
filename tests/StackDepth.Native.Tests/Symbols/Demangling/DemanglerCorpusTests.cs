using StackDepth.Native.Symbols.Demangling;

namespace StackDepth.Native.Tests.Symbols.Demangling;

/// <summary>The names that are kept in the source tree, so that they are tested where no binutils is.</summary>
public sealed class DemanglerCorpusTests
{
    [Fact]
    public void Names_of_many_kinds_are_what_binutils_says()
    {
        var names = DemanglingData.Read("names.txt");
        Assert.True(names.Count > 1000, $"only {names.Count} names");
        Assert.Equal(names.Select(static name => $"{name[0]} {name[1]}"), names.Select(static name => $"{name[0]} {Demangler.Demangle(name[0])}"));
    }

    [Fact]
    public void Where_binutils_is_wrong_or_gives_up_names_are_right_all_the_same()
    {
        var names = DemanglingData.Read("differences.txt");
        Assert.NotEmpty(names);
        Assert.Equal(names.Select(static name => $"{name[0]} {name[2]}"), names.Select(static name => $"{name[0]} {Demangler.Demangle(name[0])}"));
        Assert.All(names, static name => Assert.NotEqual(name[1], name[2]));
    }

    [Fact]
    public async Task Names_are_what_c_plus_plus_filt_itself_says_briefly_and_in_full()
    {
        // Other versions differ on names that no compiler makes.
        var version = await CxxFilt.VersionAsync();
        Requires.That(DemanglingData.Head("names.txt").Contains(version, StringComparison.Ordinal), $"the c++filt of Data/names.txt (it has {version})");
        var names = DemanglingData.Read("names.txt").Select(static name => name[0]).Where(static name => name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '$')).ToList();
        foreach (var verbose in new[] { false, true })
        {
            var expected = await CxxFilt.DemangleAsync(names, verbose);
            Assert.Equal(names.Zip(expected, static (name, text) => $"{name} {text}"), names.Select(name => $"{name} {Demangler.Demangle(name, verbose)}"));
        }
    }
}
