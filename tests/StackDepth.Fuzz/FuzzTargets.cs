using System.Text;
using StackDepth.Native.Btf;
using StackDepth.Native.Elf;
using StackDepth.Native.Kernel;
using StackDepth.Native.Python;
using StackDepth.Native.Ring;
using StackDepth.Native.Symbols;
using StackDepth.Native.Symbols.Demangling;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tracepoints;
using StackDepth.Native.Unwind;
using StackDepth.Native.Usdt;
using StackDepth.Tool.Parsing;

namespace StackDepth.Fuzz;

/// <summary>All that reads what a target process, a file of its or somebody else's hand can have made.</summary>
internal static class FuzzTargets
{
    private const ushort X64 = 62;
    private static readonly SymbolNaming s_naming = new(Demangler.Demangle, null);

    internal static FuzzTarget[] All { get; } =
    [
        new("elf", Elf, static error => error is ElfException, SmallFiles) { MostBytes = 1 << 15 },
        new("cfi", Cfi, static error => error is ElfException, SmallFiles) { MostBytes = 1 << 15 },
        new("cache", Cache, static _ => false, CacheFiles) { MostBytes = 1 << 15 },
        new("btf", Btf, static error => error is InvalidDataException or FormatException, BtfBlobs) { MostBytes = 1 << 14 },
        new("ring", Ring, static error => error is RingCorruptedException, static () => [[.. new byte[16], 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], new byte[4096]]) { MostBytes = 16 + 4096 },
        new("perf-map", PerfMapLines, static _ => false, Texts("7f0000001000 40 main\n7f0000001040 10 [interpreted] f\n7f0000001000 8 other\n")) { Words = Words("7f", "\n", " ", "ffffffffffffffff", "0") },
        new("maps", MapsLines, static _ => false, Texts("55a0c0a00000-55a0c0a01000 r-xp 00001000 08:01 1234 /usr/bin/true\n7ffc0 r-xp [vdso]\n")) { Words = Words("r-xp", "-", "ffffffffffffffff", " (deleted)", "\\012", "[vdso]") },
        new("kallsyms", Kallsyms, static _ => false, Texts("ffffffff81000000 T _text\nffffffff81000040 t do_syscall_64\nffffffffc0000000 t f\t[module]\n")) { Words = Words("\t[bpf]", " T ", "ffffffffffffffff") },
        new("tracepoint", static input => TracepointFormat.Parse("group", "name", Encoding.UTF8.GetString(input)), static _ => false, TracepointTexts) { Words = Words("field:", "__data_loc ", "offset:", "size:", "signed:1;", "[", "]", "ID: ", "char", " *") },
        new("usdt", Usdt, static error => error is ElfException, Texts("-4@%edi 8@-24(%rbp) 8@$5 -4@(%rax,%rdx,4) 4@foo+8(%rip)", "8@x0 -4@[sp, 12]")) { Words = Words("@%", "@$", "(%r", ")", ",8)", "9223372036854775808", "-") },
        new("demangle", static input => Demangler.Demangle(Encoding.UTF8.GetString(input)), static _ => false, Texts("_ZNSt6vectorIiSaIiEE9push_backEOi", "_RNvCs1234_7mycrate3foo", "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "_Z1fIJiLi5EEEvDpT_")) { Words = Words("_Z", "_R", "St", "S_", "S0_", "I", "E", "N", "T_", "T0_", "Dp", "B_", "J") },
        new("loader-cache", static input => LoaderCache.Parse(input), static _ => false, LoaderCaches) { MostBytes = 1 << 14 },
        new("python", static input => { foreach (var version in (uint[])[0x030d00f0, 0x030e00f0]) PythonDebugOffsets.Read(input, version, out _); }, static _ => false, static () => [[.. "xdebugpy"u8, .. new byte[1024]]]),
        new("probe", static input => ProbeSpecParser.Parse(Encoding.UTF8.GetString(input)), static error => error is UsageException, Texts("uprobe:\"/opt/a:b\":main+4", "usdt:python3:python:gc__start", "profile:hz:99", "software:page-faults:100", "interval:ms:10", "k:vfs_*")) { Words = Words("uprobe:", "usdt:", "\"", ":hz:", "interval:s:", "99999999999999999999") },
        new("where", static input => WhereParser.Parse(Encoding.UTF8.GetString(input)), static error => error is UsageException, Texts("pid == 1 && comm != \"a b\"", "tid >= 10")) { Words = Words("comm", "pid", "==", "&&", "\"", "'", "\\") },
        new("duration", static input => DurationParser.Parse(Encoding.UTF8.GetString(input)), static error => error is UsageException, Texts("500ms", "5s", "2m", "1h")) { Words = Words("ms", "s", "99999999999999999999", ".") },
    ];

    private static void Elf(byte[] input)
    {
        using var image = ElfImage.Open("fuzz", input);
        var symbols = FileSymbols.Read(image, null, s_naming);
        _ = symbols.Table.Count;
        UsdtNotes.Read(image);
    }

    private static void Cfi(byte[] input)
    {
        using var image = ElfImage.Open("fuzz", input);
        UnwindBuilder.Build(UnwindSource.Read(image));
    }

    private static UnwindSource? s_source;
    private static readonly byte[] s_key = new byte[32];
    private static readonly string s_cached = Path.Combine(Path.GetTempPath(), $"stackdepth-fuzz-{Environment.ProcessId}");

    private static UnwindSource Source
    {
        get
        {
            if (s_source is null)
            {
                using var image = ElfImage.Open("fuzz", SmallFiles().First());
                s_source = UnwindSource.Read(image);
            }
            return s_source;
        }
    }

    private static void Cache(byte[] input)
    {
        File.WriteAllBytes(s_cached, input);
        UnwindCacheFile.Read(s_cached, s_key, Source, out _);
    }

    private static IEnumerable<byte[]> CacheFiles()
    {
        using var memory = new MemoryStream();
        UnwindCacheFile.Write(memory, s_key, UnwindBuilder.Build(Source));
        yield return memory.ToArray();
    }

    private static void Btf(byte[] input)
    {
        var types = VmlinuxBtf.Parse(input);
        types.VisitFunctions((_, id) => types.FindSignature(id));
        foreach (var id in (int[])[1, 2, 3, 7])
        {
            types.FindMember(id, "a");
            types.MemberNames(id);
            types.PointsToAggregate(id);
        }
        types.FindTracepoint("x");
    }

    /// <summary>The first 16 bytes are the consumer's and the producer's position, the others the data.</summary>
    private static unsafe void Ring(byte[] input)
    {
        const int bytes = 4096;
        var memory = (byte*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(128 + (2 * bytes), 4096);
        try
        {
            var all = new Span<byte>(memory, 128 + (2 * bytes));
            all.Clear();
            input.AsSpan(0, int.Min(input.Length, 8)).CopyTo(all);
            if (input.Length > 8)
                input.AsSpan(8, int.Min(input.Length - 8, 8)).CopyTo(all[64..]);
            if (input.Length > 16)
            {
                input.AsSpan(16, int.Min(input.Length - 16, bytes)).CopyTo(all[128..]);
                input.AsSpan(16, int.Min(input.Length - 16, bytes)).CopyTo(all[(128 + bytes)..]);
            }
            using var reader = new RingReader(new RingMemory((ulong*)memory, (ulong*)(memory + 64), memory + 128, bytes));
            var sink = new Sum();
            reader.Drain(ref sink);
            if (reader.TryAcquire(out var lease))
                lease.Dispose();
        }
        finally
        {
            System.Runtime.InteropServices.NativeMemory.AlignedFree(memory);
        }
    }

    private struct Sum : IRecordSink
    {
        private long _sum;

        public void OnRecord(ReadOnlySpan<byte> record)
        {
            foreach (var value in record)
                _sum += value;
        }
    }

    private static void PerfMapLines(byte[] input)
    {
        var map = new PerfMap();
        map.Append(input);
        map.Append(input);
        _ = map.Bytes;
    }

    private static void MapsLines(byte[] input)
    {
        foreach (var line in input.AsSpan().Split((byte)'\n'))
            _ = MapsLine.TryParseExecutable(input.AsSpan(line), out _);
    }

    private static void Kallsyms(byte[] input)
    {
        KernelSymbols.Parse(input, s_naming);
        var lines = new KernelSymbolLines(input);
        while (lines.MoveNext())
            _ = lines.IsFunction;
    }

    private static void Usdt(byte[] input)
    {
        UsdtArgumentParser.Parse(Encoding.UTF8.GetString(input), X64);
        UsdtArgumentParser.Parse(Encoding.UTF8.GetString(input), 183);
        UsdtNotes.Parse(input, 0, "fuzz");
    }

    /// <summary>A program of the machine's, small enough to be changed as a whole.</summary>
    private static byte[][] SmallFiles()
    {
        var found = Directory.GetFiles("/usr/bin").Concat(Directory.GetFiles("/usr/lib/x86_64-linux-gnu", "lib*.so*"))
            .Select(static path => new FileInfo(path)).Where(static file => file is { LinkTarget: null, Length: < 1 << 15 }).OrderBy(static file => file.Length)
            .Select(static file => File.ReadAllBytes(file.FullName)).Where(static bytes => bytes.AsSpan().StartsWith("\u007fELF"u8)).Take(6).ToArray();
        return found.Length > 0 ? found : throw new InvalidOperationException("There is no small program here to begin with.");
    }

    private static IEnumerable<byte[]> BtfBlobs()
    {
        var builder = new BtfBuilder();
        builder.AddArray(builder.Int32, 4);
        builder.AddFunction("f", builder.AddFunctionPrototype(builder.Int64, builder.PointerToVoid, builder.Int32));
        yield return builder.Build();
    }

    private static IEnumerable<byte[]> LoaderCaches() => File.Exists("/etc/ld.so.cache") ? [File.ReadAllBytes("/etc/ld.so.cache").AsSpan(0, int.Min(1 << 14, (int)new FileInfo("/etc/ld.so.cache").Length)).ToArray()] : [];

    private static IEnumerable<byte[]> TracepointTexts() =>
    [
        Encoding.UTF8.GetBytes("name: sched_switch\nID: 314\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n\tfield:const char * filename;\toffset:32;\tsize:8;\tsigned:0;\n\nprint fmt: \"\"\n"),
    ];

    private static Func<IEnumerable<byte[]>> Texts(params string[] texts) => () => texts.Select(Encoding.UTF8.GetBytes);

    private static byte[][] Words(params string[] words) => [.. words.Select(Encoding.UTF8.GetBytes)];
}
