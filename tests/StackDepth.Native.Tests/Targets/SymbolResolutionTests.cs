using StackDepth.Native.Elf;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Targets;

public sealed class SymbolResolutionTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private const string Source = """
        #include <stdio.h>
        #include <stdlib.h>
        #define CODE __attribute__((noinline)) 
        CODE static int walk_left(int x) { __asm__ volatile(""); return x * 3; }
        CODE static int walk_right(int x) { __asm__ volatile(""); return x * 5; }
        CODE int Walk_both(int x) { __asm__ volatile(""); return walk_left(x) + walk_right(x); }
        CODE int _ZN3Foo3barEi(int x) { __asm__ volatile(""); return x; }
        CODE int __strong(int x) { __asm__ volatile(""); return x + 7; }
        int strong(int x) __attribute__((alias("__strong")));
        int weaker(int x) __attribute__((weak, alias("__strong")));
        int a(int x) __attribute__((weak, alias("__strong")));
        static int __chosen_fast(int x) { return x + 1; }
        static int __chosen_slow(int x) { return x + 2; }
        static void* pick(void) { return sizeof(long) > 4 ? (void*)__chosen_fast : (void*)__chosen_slow; }
        int chosen(int x) __attribute__((ifunc("pick")));
        __asm__(".text\n.globl sizeless\n.type sizeless,@function\nsizeless: ret\n");
        __asm__(".text\n.globl nops\n.type nops,@function\nnops: nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n ret\n.size nops,.-nops\n");
        __asm__(".data\n.globl misplaced\n.type misplaced,@function\nmisplaced: .quad 0\n.text\n");
        int sizeless(void);
        int main(int argc, char** argv) { sizeless(); printf("%d\n", Walk_both(argc) + chosen(argc) + _ZN3Foo3barEi(1) + strong(1)); return abs(argc); }
        """;

    private static readonly ResolveOptions Options = new() { WorkingDirectory = "/" };

    private string Program => targets.Compile("prog", Source);

    [Theory]
    [InlineData("walk_left", "walk_left")]
    [InlineData("walk_*", "walk_left walk_right")]
    [InlineData("*alk_*", "Walk_both walk_left walk_right")]
    [InlineData("?alk_both", "Walk_both")]
    [InlineData("[wW]alk_[!l]*", "Walk_both walk_right")]
    [InlineData("sizeless", "sizeless")]
    [InlineData("weaker", "weaker")]
    [InlineData("*strong", "strong")]
    [InlineData("__stron?", "__strong")]
    public void Names_and_globs_find_functions(string symbols, string names)
    {
        var path = Program;
        using var target = TargetResolver.Resolve(path, symbols, Options);
        Assert.Equal(names, string.Join(' ', target.Sites.Select(site => site.Symbol).Order(StringComparer.Ordinal)));
        Assert.Equal(path, target.Path);
        Assert.Equal(target.Sites.OrderBy(site => site.Offset), target.Sites);
        using var image = ElfImage.Open(target.AttachPath);
        foreach (var site in target.Sites)
        {
            Assert.Equal("prog", site.Module);
            Assert.True(image.TryGetCodeOffset(site.Address, out var offset));
            Assert.Equal(offset, site.Offset);
        }
    }

    [Fact]
    public void A_glob_gives_one_site_for_each_place_and_no_imported_function_and_no_IFUNC()
    {
        using var target = TargetResolver.Resolve(Program, "*", Options);
        var names = target.Sites.Select(site => site.Symbol).ToList();
        Assert.Equal(target.Sites.Length, target.Sites.Select(site => site.Offset).Distinct().Count());
        Assert.Contains("strong", names);
        Assert.Contains("pick", names);
        Assert.Contains("sizeless", names);
        Assert.DoesNotContain("__strong", names);
        Assert.DoesNotContain("weaker", names);
        Assert.DoesNotContain("printf", names);
        Assert.DoesNotContain("chosen", names);
        Assert.DoesNotContain("misplaced", names);
    }

    [Theory]
    [InlineData("nops+4", "nops+0x4")]
    [InlineData("nops+0x8", "nops+0x8")]
    [InlineData("sizeless+0", "sizeless")]
    public void An_offset_is_counted_from_the_functions_start(string symbols, string shown)
    {
        var path = Program;
        using var start = TargetResolver.Resolve(path, symbols.Split('+')[0], Options);
        using var target = TargetResolver.Resolve(path, symbols, Options);
        var site = Assert.Single(target.Sites);
        var delta = site.Address - start.Sites[0].Address;
        Assert.Equal(shown, site.Symbol);
        Assert.Equal(start.Sites[0].Offset + delta, site.Offset);
        Assert.Equal(start.Sites[0].Size - Math.Min(delta, start.Sites[0].Size), site.Size);
    }

    [Fact]
    public void An_address_names_the_function_around_it()
    {
        var path = Program;
        using var start = TargetResolver.Resolve(path, "nops", Options);
        var address = start.Sites[0].Address;
        using var target = TargetResolver.Resolve(path, $"0x{address + 4:x}", Options);
        Assert.Equal(new FunctionSite("nops+0x4", address + 4, start.Sites[0].Offset + 4, start.Sites[0].Size - 4, "prog"), Assert.Single(target.Sites));
    }

    [Fact]
    public void Stripped_libraries_keep_their_exported_functions_offsets_and_addresses()
    {
        var path = targets.Compile("libstripped.so", Source, "-shared", "-fPIC", "-s");
        using var exported = TargetResolver.Resolve(path, "nops+4", Options);
        Assert.Equal("nops+0x4", exported.Sites[0].Symbol);
        using var byAddress = TargetResolver.Resolve(path, $"0x{exported.Sites[0].Address:x}", Options);
        Assert.Equal(exported.Sites[0].Offset, byAddress.Sites[0].Offset);

        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(path, "walk_left", Options));
        Assert.Contains("it is stripped, and only", e.Message, StringComparison.Ordinal);
        Assert.Contains("install its debug symbols", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stripped_program_that_exports_nothing_is_said_to_be_one()
    {
        var path = targets.Compile("bare", "int main(void) { return 0; }", "-s");
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(path, "walk_left", Options));
        Assert.Contains("it is stripped, and exports no functions; install its debug symbols", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stripped_program_is_read_with_its_debug_file()
    {
        var path = targets.Compile("linked/prog", Source);
        CompiledTargets.Run("objcopy", "--only-keep-debug", path, path + ".debug");
        CompiledTargets.Run("objcopy", "--strip-all", $"--add-gnu-debuglink={path}.debug", path);
        using var target = TargetResolver.Resolve(path, "walk_*", Options);
        using var whole = TargetResolver.Resolve(Program, "walk_*", Options);
        Assert.Equal(whole.Sites, target.Sites);
    }

    [Theory]
    [InlineData("Walk_Both", "has no function 'Walk_Both' (it has", "Walk_both")]
    [InlineData("walk_leff", "Did you mean 'walk_left'", "walk_left")]
    [InlineData("both", "Did you mean 'Walk_both'?", "Walk_both")]
    [InlineData("zzzz_nothing_like_it", "has no function 'zzzz_nothing_like_it' (it has", "")]
    [InlineData("zzz*", "matches 'zzz*'", "")]
    [InlineData("Foo::bar", "or a glob such as '*3Foo3bar*'", "_ZN3Foo3barEi")]
    [InlineData("Foo::bar(int)", "or a glob such as '*3Foo3bar*'", "_ZN3Foo3barEi")]
    [InlineData("Foo::operator+", "write the mangled name as nm shows it", "")]
    [InlineData("bad\u001b[2Jname*", "bad\\x1b[2Jname", "")]
    public void A_name_that_is_not_there_gets_near_matches(string symbols, string text, string suggestion)
    {
        if (symbols.Contains('[', StringComparison.Ordinal))
        {
            symbols = symbols.Replace("[", "\\[", StringComparison.Ordinal);
            text = text.Replace("[", "\\[", StringComparison.Ordinal);
        }

        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(Program, symbols, Options));
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
        Assert.Equal(suggestion, e.Suggestions.FirstOrDefault() ?? string.Empty);
    }

    [Fact]
    public void An_imported_function_is_told_to_live_in_the_library_that_defines_it()
    {
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(Program, "printf", Options));
        Assert.Contains("only imports 'printf': the function lives in ", e.Message, StringComparison.Ordinal);
        Assert.Contains("libc", Assert.Single(e.Suggestions), StringComparison.Ordinal);
        using var target = TargetResolver.Resolve(e.Suggestions[0], "printf", Options);
        Assert.Single(target.Sites);
    }

    [Fact]
    public void An_IFUNC_is_explained_and_its_implementations_are_offered()
    {
        var e = Assert.Throws<TargetException>(() => TargetResolver.Resolve(Program, "chosen", Options));
        Assert.Contains("is an IFUNC", e.Message, StringComparison.Ordinal);
        Assert.Contains("__chosen_fast", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("walk_left+0x1000", "lies outside of the function: 'walk_left'")]
    [InlineData("walk*+4", "has a glob and an offset")]
    [InlineData("0xzz", "is not a hexadecimal address")]
    [InlineData("0x10000000000000000", "is not a hexadecimal address")]
    [InlineData("0x7fff00000000", "is not in the executable code of")]
    [InlineData("walk[", "has a '[' without its ']'")]
    [InlineData("", "No function is named")]
    [InlineData("misplaced", "does not lie in executable code")]
    public void What_cannot_be_a_place_is_refused(string symbols, string text) =>
        Assert.Contains(text, Assert.Throws<TargetException>(() => TargetResolver.Resolve(Program, symbols, Options)).Message, StringComparison.Ordinal);

    [Fact]
    public void More_functions_than_the_limit_are_refused_with_the_way_to_raise_it()
    {
        var path = Program;
        using var all = TargetResolver.Resolve(path, "*", Options with { MaxFunctions = 100 });
        var e = Assert.Throws<TargetException>(() => TargetResolver.Resolve(path, "*", Options with { MaxFunctions = all.Sites.Length - 1 }));
        Assert.Contains($"matches {all.Sites.Length} functions", e.Message, StringComparison.Ordinal);
        Assert.Contains("AttachOptions.MaxFunctions", e.Message, StringComparison.Ordinal);
        using var exact = TargetResolver.Resolve(path, "*", Options with { MaxFunctions = all.Sites.Length });
        Assert.Equal(all.Sites.Length, exact.Sites.Length);
    }

    [Fact]
    public void Two_static_functions_of_one_name_are_both_sites()
    {
        var other = targets.PathOf("other.c");
        File.WriteAllText(other, """__attribute__((noinline)) static int twin(int x) { __asm__ volatile(""); return x * 9; } int second(int x) { return twin(x); }""");
        var path = targets.Compile("twins", """
            int second(int);
            __attribute__((noinline)) static int twin(int x) { __asm__ volatile(""); return x * 2; }
            int main(int argc, char** argv) { return twin(argc) + second(argc); }
            """, other);
        using var target = TargetResolver.Resolve(path, "twin", Options);
        Assert.Equal(["twin", "twin"], target.Sites.Select(site => site.Symbol));
    }

    [Fact]
    public void A_name_that_is_an_IFUNC_now_and_was_a_function_once_is_refused()
    {
        var map = targets.PathOf("indirect.map");
        File.WriteAllText(map, "V1 { global: api; };\nV2 { global: api; } V1;\n");
        var path = targets.Compile("libindirect.so", """
            __asm__(".symver api_old,api@V1\n.symver api_new,api@@V2");
            __attribute__((noinline)) int api_old(int x) { __asm__ volatile(""); return x; }
            static void* pick(void) { return (void*)api_old; }
            int api_new(int x) __attribute__((ifunc("pick")));
            """, "-shared", "-fPIC", $"-Wl,--version-script={map}");
        Assert.Contains("is an IFUNC", Assert.Throws<TargetException>(() => TargetResolver.Resolve(path, "api", Options)).Message, StringComparison.Ordinal);
        using var old = TargetResolver.Resolve(path, "api@V1", Options);
        Assert.Single(old.Sites);
    }

    [Fact]
    public void A_function_of_a_needed_library_is_told_to_live_there()
    {
        var library = targets.Compile("libbeside.so", "int beside_one(void) { return 1; } int beside_two(void) { return 2; }", "-shared", "-fPIC");
        var path = targets.Compile("needs", "int beside_one(void); int main(void) { return beside_one(); }", library, "-Wl,-rpath,$ORIGIN");
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(path, "beside_two", Options));
        Assert.Equal(library, Assert.Single(e.Suggestions));
        Assert.Contains("which it needs, has one", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_suffixes_are_no_part_of_a_name()
    {
        var map = targets.PathOf("versions.map");
        File.WriteAllText(map, "V1 { global: api; };\nV2 { global: api; } V1;\n");
        var path = targets.Compile("libversions.so", """
            __asm__(".symver api_old,api@V1\n.symver api_new,api@@V2");
            __attribute__((noinline)) int api_old(int x) { __asm__ volatile(""); return x; }
            __attribute__((noinline)) int api_new(int x) { __asm__ volatile(""); return x + 1; }
            """, "-shared", "-fPIC", $"-Wl,--version-script={map}");
        using var both = TargetResolver.Resolve(path, "api", Options);
        Assert.Equal(2, both.Sites.Length);
        Assert.All(both.Sites, site => Assert.Equal("api", site.Symbol));
        using var old = TargetResolver.Resolve(path, "api@V1", Options);
        Assert.Single(old.Sites);
    }
}
