using StackDepth.Native.Symbols.Demangling;

namespace StackDepth.Native.Tests.Symbols.Demangling;

public sealed class DemanglerTests
{
    [Theory]
    [InlineData("")]
    [InlineData("_")]
    [InlineData("_Z")]
    [InlineData("_R")]
    [InlineData("main")]
    [InlineData("_start")]
    [InlineData("_init@@GLIBC_2.2.5")]
    [InlineData("Zfoo")]
    [InlineData("__Z3foov")]
    [InlineData("_Zzzz")]
    [InlineData("_RNvZ")]
    [InlineData("@")]
    [InlineData("...")]
    [InlineData("[stack]")]
    public void A_name_that_is_not_mangled_is_the_answer_itself(string name) => Assert.Same(name, Demangler.Demangle(name));

    [Theory]
    [InlineData("_Z3foov@@GLIBC_2.2.5", "foo()@@GLIBC_2.2.5")]
    [InlineData("_ZNSs6appendERKSs@GLIBCXX_3.4", "std::string::append(std::string const&)@GLIBCXX_3.4")]
    [InlineData("_Z3foov.cold@V1", "foo() [clone .cold]@V1")]
    [InlineData("_RNvC3foo3bar@@V1", "foo::bar@@V1")]
    [InlineData("_ZN3foo3bar17h05af221e174051e9E@plt", "foo::bar@plt")]
    public void A_version_is_kept_as_it_is(string name, string expected) => Assert.Equal(expected, Demangler.Demangle(name));

    [Theory]
    [InlineData("._Z3foov", ".foo()")]
    [InlineData("..$_Z3foov", "..$foo()")]
    public void Dots_and_dollars_before_the_name_are_kept(string name, string expected) => Assert.Equal(expected, Demangler.Demangle(name));

    [Theory]
    [InlineData("_Z3foov.cold", "foo() [clone .cold]")]
    [InlineData("_Z3foov.part.0.isra.0", "foo() [clone .part.0] [clone .isra.0]")]
    [InlineData("_Z3foov.constprop.0.cold", "foo() [clone .constprop.0] [clone .cold]")]
    [InlineData("_Z3foov.llvm.123", "foo() [clone .llvm.123]")]
    [InlineData("_ZN3foo3bar17h05af221e174051e9E.llvm.123", "foo::bar")]
    [InlineData("_RNvC3foo3bar.llvm.123", "foo::bar")]
    public void What_the_compiler_adds_to_a_name_is_shown_as_binutils_does(string name, string expected) => Assert.Equal(expected, Demangler.Demangle(name));

    [Theory]
    [InlineData("_ZNSsC1Ev", "std::basic_string<char, std::char_traits<char>, std::allocator<char> >::basic_string()", "std::basic_string<char, std::char_traits<char>, std::allocator<char> >::basic_string()")]
    [InlineData("_Z1fSs", "f(std::string)", "f(std::basic_string<char, std::char_traits<char>, std::allocator<char> >)")]
    [InlineData("_ZN3foo3bar17h05af221e174051e9E", "foo::bar", "foo::bar::h05af221e174051e9")]
    [InlineData("_RNvCs1234_3foo3bar", "foo::bar", "foo[3c1c0]::bar")]
    [InlineData("_RINvC1f1gKj5_Kb1_Kc41_E", "f::g::<5, true, 'A'>", "f[0]::g::<5: usize, true: bool, 'A': char>")]
    public void Details_are_shown_only_when_they_are_asked_for(string name, string brief, string verbose)
    {
        Assert.Equal(brief, Demangler.Demangle(name));
        Assert.Equal(verbose, Demangler.Demangle(name, verbose: true));
    }
}
