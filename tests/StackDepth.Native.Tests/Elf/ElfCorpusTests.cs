using System.Globalization;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Tests.Elf;

/// <summary>Function symbols of the machine's own programs and libraries against readelf's. STACKDEPTH_FULL=1 takes all files instead of every twelfth.</summary>
public sealed class ElfCorpusTests(ITestOutputHelper output)
{
    private const int Step = 12;

    [Theory]
    [InlineData("/usr/bin", 100)]
    [InlineData("/usr/lib/MACHINE-linux-gnu", 100)]
    public void Function_symbols_equal_those_of_readelf(string directory, int least)
    {
        CompiledTargets.Require("readelf");
        directory = directory.Replace("MACHINE", ElfImage.HostMachine == ElfConstants.MachineArm64 ? "aarch64" : "x86_64", StringComparison.Ordinal);
        if (!Directory.Exists(directory))
        {
            CompiledTargets.SkipOrFail($"{directory} does not exist: not a Debian-like system");
        }

        var full = Environment.GetEnvironmentVariable("STACKDEPTH_FULL") == "1";
        int files = 0, functions = 0, index = 0;
        foreach (var path in Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal))
        {
            var info = new FileInfo(path);
            if (info.LinkTarget is not null || !IsElf(path) || (!full && (index++ % Step != 0 || info.Length > 30_000_000)))
            {
                continue;
            }

            var expected = ReadElf(path);
            using var image = ElfImage.Open(path);
            Assert.Equal(expected, Symbols(image));
            files++;
            functions += expected.Count;
        }

        output.WriteLine($"{directory}: {files} files, {functions} function symbols");
        Assert.True(files >= (full ? least : least / Step), $"only {files} files");
    }

    private static bool IsElf(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[20];
        return file.ReadAtLeast(start, 20, throwOnEndOfStream: false) == 20 && start.StartsWith("\u007fELF"u8) && start[4] == 2
            && start[18] == ElfImage.HostMachine % 256;
    }

    private static List<string> Symbols(ElfImage image)
    {
        // readelf's order: as the sections lie in the file, .dynsym first.
        var result = new List<string>();
        foreach (var table in new[] { image.DynamicSymbols, image.Symbols })
        {
            for (var functions = table.Functions(); functions.MoveNext();)
            {
                ref readonly var symbol = ref functions.Symbol;
                result.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{table.Source} {symbol.Value:x} {symbol.Size} {(symbol.IsIndirectFunction ? "IFUNC" : "FUNC")} {symbol.IsDefined} {Encoding.UTF8.GetString(functions.Name)}"));
            }
        }

        return result;
    }

    private static List<string> ReadElf(string path)
    {
        var result = new List<string>();
        var table = string.Empty;
        foreach (var line in CompiledTargets.Run("readelf", "-Ws", path).Split('\n'))
        {
            if (line.StartsWith("Symbol table '", StringComparison.Ordinal))
            {
                table = line.Split('\'')[1];
                continue;
            }

            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 7 && words[3] is "FUNC" or "IFUNC" && table is ".symtab" or ".dynsym")
            {
                var size = words[2].StartsWith("0x", StringComparison.Ordinal) ? Convert.ToUInt64(words[2], 16) : ulong.Parse(words[2], CultureInfo.InvariantCulture);
                var name = words.Length > 7 ? words[7] : string.Empty;
                var at = name.IndexOf('@', StringComparison.Ordinal);
                result.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{table} {Convert.ToUInt64(words[1], 16):x} {size} {words[3]} {words[6] != "UND"} {(at > 0 ? name[..at] : name)}"));
            }
        }

        return result;
    }
}
