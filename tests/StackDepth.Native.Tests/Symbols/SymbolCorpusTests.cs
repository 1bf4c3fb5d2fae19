using System.Globalization;
using StackDepth.Native.Elf;
using StackDepth.Native.Symbols;
using StackDepth.Native.Symbols.Demangling;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Tests.Symbols.Demangling;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>
/// Names of real programs and libraries against those of binutils: at the first, a middle and the last byte of every function that nm lists. Names are compared as they are in the file.
/// </summary>
public sealed class SymbolCorpusTests(CompiledTargets targets, ITestOutputHelper output) : IClassFixture<CompiledTargets>
{
    private const string Machine = "/usr/lib/x86_64-linux-gnu/";

    // addr2line takes its time with large files: a part of their functions is enough, unless STACKDEPTH_FULL=1.
    private const int Large = 20_000, AskedOfLarge = 3_000;

    /// <summary>Looked for when the test runs, and not whenever tests are listed: the folders are large.</summary>
    public static TheoryData<string> Files => new(
    [
        Machine + "libc.so.6", Machine + "libm.so.6", Machine + "libstdc++.so.6", Machine + "ld-linux-x86-64.so.2", Machine + "libz.so.1", Machine + "libcrypto.so.3",
        "/usr/bin/python3", "/usr/bin/bash", "/usr/bin/git", "/usr/bin/node",
        .. Largest(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "libcoreclr.so", "libclrjit.so"),
        .. Largest(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/.rustup/toolchains", "libstd-*.so").Take(1),
        .. Largest(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/.rustup/toolchains", "librustc_driver-*.so").Take(1),
        .. Largest(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/.pyenv/versions", "libpython3.*.so.1.0").Take(2),
    ]);

    [Theory]
    [MemberData(nameof(Files), DisableDiscoveryEnumeration = true)]
    public void Every_function_has_the_name_that_binutils_give_it(string path)
    {
        if (!File.Exists(path))
        {
            CompiledTargets.SkipOrFail($"{path} is not installed");
        }

        Compare(path);
    }

    [Fact]
    public void So_has_every_function_of_a_C_plus_plus_program()
    {
        var source = targets.PathOf("templates.cc");
        File.WriteAllText(source, """
            #include <map>
            #include <string>
            #include <functional>
            namespace outer { template <class T> struct Tree { T value; __attribute__((noinline)) T sum(int depth) { return depth ? sum(depth - 1) + value : value; } }; }
            int main(int argc, char** argv) {
                std::map<std::string, std::function<int(int)>> names;
                for (int i = 0; i < argc; i++) names[argv[i]] = [&](int x) { return outer::Tree<long>{x}.sum(argc); };
                int total = 0;
                for (auto& [name, f] : names) total += f(name.size());
                return total;
            }
            """);
        CompiledTargets.Run("g++", "-O1", "-std=c++17", "-o", targets.PathOf("templates"), source);
        Assert.True(Compare(targets.PathOf("templates")) >= 8);
    }

    [Fact]
    public void So_has_every_function_of_a_Rust_program()
    {
        var source = targets.PathOf("tree.rs");
        File.WriteAllText(source, """
            use std::collections::BTreeMap;
            trait Depth { fn depth(&self, n: u32) -> u32; }
            impl<T: Clone> Depth for Vec<T> { #[inline(never)] fn depth(&self, n: u32) -> u32 { if n == 0 { 0 } else { 1 + self.clone().depth(n - 1) } } }
            fn main() {
                let mut map = BTreeMap::new();
                for arg in std::env::args() { map.insert(arg.clone(), vec![arg].depth(3)); }
                println!("{:?}", map);
            }
            """);
        CompiledTargets.Run("rustc", "-O", "-o", targets.PathOf("tree"), source);
        Assert.True(Compare(targets.PathOf("tree")) > 500);
    }

    [Fact]
    public void A_library_is_named_by_the_distributions_debug_file()
    {
        var path = Machine + "libc.so.6";
        Requires.That(File.Exists(path), path);
        using var image = ElfImage.Open(path);
        var id = Convert.ToHexStringLower(image.BuildId);
        var debug = $"/usr/lib/debug/.build-id/{id[..2]}/{id[2..]}.debug";
        Requires.That(File.Exists(debug), "libc6-dbg");
        var symbols = FileSymbols.Read(image, new DebugFileFinder(), SymbolNaming.Raw);
        Assert.Null(symbols.Problem);
        var places = CompareWithNm(path, symbols, new Nm(debug));
        output.WriteLine($"{path}: {places.Length} addresses equal to nm of {debug}");
        Assert.True(places.Length > 9000);
    }

    [Fact]
    public void Assembly_without_sizes_reaches_to_the_next_function()
    {
        var source = targets.PathOf("asm.s");
        File.WriteAllText(source, """
            .text
            .globl unsized
            .type unsized, @function
            unsized: nop
              nop
            label: nop
              ret
            .globl sized
            .type sized, @function
            sized: nop
            inner: nop
              ret
            .size sized, . - sized
            .globl entry
            .type entry, @function
            .globl whole
            .type whole, @function
            whole: nop
              nop
            entry: nop
              ret
            .size whole, . - whole
            bare: nop
              ret
            .weak aaa
            .type aaa, @function
            .globl __zzz
            .type __zzz, @function
            .globl _zz
            .type _zz, @function
            .type local, @function
            aaa: __zzz: _zz: local: nop
              ret
            .size aaa, 2
            .size __zzz, 2
            .size _zz, 2
            .size local, 2
            .section .note.GNU-stack,"",@progbits
            """);
        var path = targets.PathOf("asm.so");
        CompiledTargets.Run("gcc", "-shared", "-nostdlib", "-Wl,--build-id=none", "-o", path, source);
        using var image = ElfImage.Open(path);
        var symbols = FileSymbols.Read(image, null, SymbolNaming.Raw);
        var start = ElfImageTests.Find(image.Symbols, "unsized").Value;
        string?[] expected =
        [
            "unsized", "unsized", "label", "label", // outside of functions, a label is as good as one
            "sized", "sized", "sized",              // and inside it is not
            "whole", "whole", "entry", "entry",     // an entry of size 0 ends with the function around it
            "bare", "bare",
            "_zz", "_zz",                           // global before local before weak, then the fewest underscores
            null,
        ];
        Assert.Equal(expected, Enumerable.Range(0, expected.Length).Select(i => NameAt(symbols, start + (ulong)i)));
    }

    private static string? NameAt(FileSymbols symbols, ulong address) => symbols.Table.Find(address, out _) is >= 0 and var symbol ? symbols.Table.NameOf(symbol) : null;

    private int Compare(string path)
    {
        // Where there is DWARF, in the file or a debug file of it, addr2line would tell of inlined functions.
        var file = targets.PathOf(Path.GetFileName(path) + ".nodebug");
        CompiledTargets.Run("objcopy", "--strip-debug", path, file);
        ForgetBuildId(file);
        var functions = new Nm(file);
        using var image = ElfImage.Open(file);
        var symbols = FileSymbols.Read(image, null, SymbolNaming.Raw);
        Assert.Null(symbols.Problem);

        var places = CompareWithNm(path, symbols, functions);

        var full = Environment.GetEnvironmentVariable("STACKDEPTH_FULL") == "1";
        var step = full || places.Length <= Large ? 1 : places.Length / AskedOfLarge;
        var asked = places.Where((_, i) => i % step == 0).ToArray();
        var answers = Addr2Line(file, asked);
        var beyond = 0;
        for (var i = 0; i < asked.Length; i++)
        {
            symbols.Table.Find(asked[i], out var start);
            if (!functions.NamesAt(start).Contains(answers[i]))
            {
                // addr2line takes the nearest symbol before, whether or not it reaches as far.
                beyond++;
                Assert.False(functions.CoversAny(answers[i], asked[i]), $"{path}: {asked[i]:x} is {answers[i]} by addr2line, and {string.Join(" or ", functions.NamesAt(start))} here");
            }
        }

        var readable = CompareReadable(file, asked, answers);
        output.WriteLine($"{path}: {readable}");
        output.WriteLine($"{path}: {functions.Sized.Count} functions, {places.Length} addresses equal to nm; {asked.Length} asked of addr2line, {beyond} of them behind the end of what it names");
        Assert.True(beyond * 50 <= asked.Length);
        return functions.Sized.Count;
    }

    /// <summary>Names as a production symbolizer shows them, against nm -C of all symbols, and addr2line -C of the addresses that were asked.</summary>
    private string CompareReadable(string file, ulong[] asked, string[] answers)
    {
        var names = 0;
        var mangled = 0;
        var wrong = 0;
        foreach (string[] table in (string[][])[[], ["-D"]])
        {
            // Unsorted, so that the lines are of the same symbols.
            string[] options = [.. table, "-p", "--defined-only", "--without-symbol-versions", file];
            var raw = CompiledTargets.Run("nm", options).Split('\n');
            var shown = CompiledTargets.Run("nm", ["-C", .. options]).Split('\n');
            Assert.Equal(raw.Length, shown.Length);
            for (var i = 0; i < raw.Length; i++)
            {
                // Address, type and name.
                if (raw[i].Split(' ', 3) is [var address, _, var name] && shown[i].Split(' ', 3) is [var sameAddress, _, var expected])
                {
                    Assert.Equal(address, sameAddress);
                    Check(name, expected);
                }
            }
        }

        var readable = Addr2Line(file, asked, "-C");
        for (var i = 0; i < asked.Length; i++)
        {
            Check(answers[i], readable[i]);
        }

        return $"{names - wrong} names equal to nm -C and addr2line -C, of {mangled} that are mangled; {wrong} that binutils has wrong";

        void Check(string name, string expected)
        {
            var actual = Demangler.Demangle(name);
            mangled += actual == name ? 0 : 1;
            names++;
            if (actual != expected)
            {
                Assert.True(DemanglerLiveTests.IsOfBinutils(name, expected, actual), $"{file}: {name} is {expected} by binutils, and {actual} here");
                wrong++;
            }
        }
    }

    private static void ForgetBuildId(string file)
    {
        using var image = ElfImage.Open(file);
        if (!image.BuildId.IsEmpty)
        {
            var bytes = File.ReadAllBytes(file);
            bytes[bytes.AsSpan().IndexOf(image.BuildId)] ^= 0xff;
            File.WriteAllBytes(file, bytes);
        }
    }

    private static ulong[] CompareWithNm(string path, FileSymbols symbols, Nm functions)
    {
        var places = functions.Sized.SelectMany(static f => new[] { f.Address, f.Address + (f.Size / 2), f.Address + f.Size - 1 }).Distinct().ToArray();
        foreach (var place in places)
        {
            var symbol = symbols.Table.Find(place, out var start);
            Assert.True(symbol >= 0 && functions.Covers(start, symbols.Table.NameOf(symbol), place), $"{path}: {place:x} is {(symbol < 0 ? "nobody" : symbols.Table.NameOf(symbol))} at {start:x}");
            Assert.Equal(functions.Innermost(place), start);
        }

        return places;
    }

    private string[] Addr2Line(string file, ulong[] addresses, params string[] options)
    {
        var list = targets.PathOf("addresses.txt");
        File.WriteAllLines(list, addresses.Select(static address => address.ToString("x", CultureInfo.InvariantCulture)));
        var lines = CompiledTargets.Run("addr2line", [.. options, "-f", "-e", file, $"@{list}"]).Split('\n');
        return [.. lines.Where(static (_, i) => i % 2 == 0).Take(addresses.Length).Select(static line => line.Split('@')[0])];
    }

    private static IEnumerable<string> Largest(string folder, params string[] patterns) => !Directory.Exists(folder) ? []
        : patterns.SelectMany(pattern => Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)).Where(static file => new FileInfo(file).LinkTarget is null).Order(StringComparer.Ordinal);
}
