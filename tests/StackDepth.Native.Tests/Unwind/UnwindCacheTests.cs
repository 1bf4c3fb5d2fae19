using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

public sealed class UnwindCacheTests(CompiledTargets targets, ITestOutputHelper output) : IClassFixture<CompiledTargets>
{
    private const string Source = "int g(int); int f(int x) { return g(x + 1) * 3; } int h(int x) { return f(x) + f(x - 1); }";
    private const string Other = "int g(int); int f(int x) { int y[x]; y[0] = g(x + 1) * 3; return g(y[0]) + *y; } int h(int x) { return 1; }";

    private static int s_next;

    private string NewRoot() => Directory.CreateDirectory(targets.PathOf($"cache{Interlocked.Increment(ref s_next)}")).FullName;

    [Fact]
    public void What_was_built_is_read_the_next_time()
    {
        var (root, path) = (NewRoot(), Build("again.so", Source));
        var first = UnwindTables.Load(path, UnwindCache.Open(root));
        var second = UnwindTables.Load(path, UnwindCache.Open(root));
        Assert.Equal((CacheOutcome.Missed, CacheOutcome.Hit), (first.Cache, second.Cache));
        Assert.Null(second.CacheProblem);
        AssertSame(first.Table, second.Table);
        Assert.NotNull(second.Table.BuildId);
        Assert.Single(Files(root));
    }

    [Fact]
    public void A_program_that_was_replaced_has_its_own_table_even_with_the_same_build_id_size_and_time()
    {
        var root = NewRoot();
        var path = Build("replaced.so", Source);
        var other = Build("replacing.so", Other);
        var length = Math.Max(new FileInfo(path).Length, new FileInfo(other).Length);
        var time = DateTime.UtcNow;
        foreach (var file in new[] { path, other })
        {
            using (var stream = File.OpenWrite(file))
            {
                stream.SetLength(length);
            }

            File.SetLastWriteTimeUtc(file, time);
        }

        var old = UnwindTables.Load(path, UnwindCache.Open(root)).Table;
        File.Move(other, path, overwrite: true);
        var load = UnwindTables.Load(path, UnwindCache.Open(root));
        Assert.Equal(CacheOutcome.Missed, load.Cache);
        Assert.Equal(old.BuildId, load.Table.BuildId);
        Assert.NotEqual(old.Rows, load.Table.Rows);
        AssertSame(UnwindTables.Load(path).Table, load.Table);
    }

    [Fact]
    public void The_file_that_was_opened_counts_not_what_its_name_means_later()
    {
        var path = Build("opened.so", Source);
        var expected = UnwindTables.Load(path).Table;
        using var file = new FileDescriptor(LibC.Open(path, 0x80000, 0), SystemCalls.Real);
        File.Move(Build("opened2.so", Other), path, overwrite: true);
        AssertSame(expected, UnwindTables.Load(file, path).Table);
        Assert.NotEqual(expected.Rows, UnwindTables.Load(path).Table.Rows);
    }

    [Fact]
    public void A_proof_from_the_cache_is_made_again_for_the_text_at_hand()
    {
        var root = NewRoot();
        var path = CfiTarget.Assemble(targets, "proved.so", CfiTarget.Function("nop; nop; nop; nop; nop; ret"));
        Assert.True(UnwindTables.Load(path, UnwindCache.Open(root)).Table.Plain.Length > 0);
        var again = UnwindTables.Load(path, UnwindCache.Open(root));
        Assert.True(again is { Cache: CacheOutcome.Hit, Table.Plain.Length: > 0 });

        var bytes = File.ReadAllBytes(path);
        bytes[(int)CfiTarget.OffsetOf(path, "f")] = 0xe8;
        File.WriteAllBytes(path, bytes);
        again = UnwindTables.Load(path, UnwindCache.Open(root));
        Assert.True(again is { Cache: CacheOutcome.Hit, Table.Plain.Length: 0 });
    }

    [Fact]
    public void A_spoiled_byte_anywhere_is_seen_and_the_table_built_again()
    {
        var (root, path) = (NewRoot(), Build("spoiled.so", Source));
        var expected = UnwindTables.Load(path, UnwindCache.Open(root)).Table;
        var file = Files(root).Single();
        var good = File.ReadAllBytes(file);
        for (var at = 0; at < good.Length; at++)
        {
            var bytes = good.AsSpan().ToArray();
            bytes[at] ^= (byte)(1 << (at % 8));
            File.WriteAllBytes(file, bytes);
            AssertReplaced(root, path, expected, good, file);
        }

        output.WriteLine($"{good.Length} places");
        foreach (var bytes in new[] { [], good[..1], good[..100], good[..^1], [.. good, 0], new byte[good.Length], good[..^4] })
        {
            File.WriteAllBytes(file, bytes);
            AssertReplaced(root, path, expected, good, file);
        }
    }

    [Fact]
    public void A_table_with_a_right_checksum_and_wrong_rows_is_refused()
    {
        var (root, path) = (NewRoot(), Build("hostile.so", Source));
        var table = UnwindTables.Load(path, UnwindCache.Open(root)).Table;
        var file = Files(root).Single();
        var good = File.ReadAllBytes(file);
        var key = Convert.FromHexString(Path.GetFileNameWithoutExtension(file));
        var (rows, starts, rules) = (table.Rows, table.PageStarts, table.Rules);
        UnwindTable[] hostile =
        [
            With(table, rules, starts, [rows[0] + 1, .. rows[1..]]),
            With(table, rules, starts, [UnwindTable.Row(0, (uint)rules.Length), .. rows[1..]]),
            With(table, rules, starts, [UnwindTable.Row(1, 0), .. rows[1..]]),
            With(table, rules, starts, [rows[0], rows[0], .. rows[2..]]),
            With(table, rules, [1, .. starts[1..]], rows),
            With(table, rules, [.. starts[..^1], starts[^1] + 1], rows),
            With(table, rules, [.. starts[..^1], uint.MaxValue], rows),
            With(table, rules, [.. starts[..^1], 0], rows),
            With(table, rules, [.. starts, starts[^1]], rows),
            With(table, [new(CfaKind.Unsupported), .. rules[1..]], starts, rows),
            With(table, [.. rules[..^1], new((CfaKind)11)], starts, rows),
            With(table, [.. rules[..^1], new(0, 0, CfaKind.StackPointer, (BasePointerKind)4)], starts, rows),
            With(table, [.. rules[..^1], new(1, 0, CfaKind.Outermost, BasePointerKind.Same)], starts, rows),
            With(table, rules, starts, rows, firstPage: table.FirstPage + 1),
        ];
        var refused = 0;
        foreach (var bad in hostile)
        {
            using (var stream = File.Create(file))
            {
                UnwindCacheFile.Write(stream, key, bad);
            }

            // The first is sound in form if the rule after the first one exists, which only this user could have written.
            if (!File.ReadAllBytes(file).AsSpan().SequenceEqual(good) && bad != hostile[0])
            {
                AssertReplaced(root, path, table, good, file);
                refused++;
            }
        }

        Assert.Equal(hostile.Length - 1, refused);
    }

    [Fact]
    public void Writers_readers_and_spoilers_at_the_same_time_leave_right_tables_and_no_litter()
    {
        var root = NewRoot();
        string[] paths = [Build("many1.so", Source), Build("many2.so", Other)];
        var expected = paths.Select(static path => UnwindTables.Load(path).Table).ToArray();
        var outcomes = new int[4];
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
        {
            var random = new Random(worker);
            for (var round = 0; round < 60; round++)
            {
                var i = random.Next(paths.Length);
                var load = UnwindTables.Load(paths[i], UnwindCache.Open(root));
                AssertSame(expected[i], load.Table);
                Interlocked.Increment(ref outcomes[(int)load.Cache]);
                if (worker < 2 && Files(root).Order().ElementAtOrDefault(random.Next(2)) is { } file)
                {
                    Spoil(file, random);
                }
            }
        });

        output.WriteLine($"hit {outcomes[(int)CacheOutcome.Hit]}, missed {outcomes[(int)CacheOutcome.Missed]}, replaced {outcomes[(int)CacheOutcome.Replaced]}");
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.Join(root, "stackdepth", "unwind")), static name => name.EndsWith(".tmp", StringComparison.Ordinal));
        Assert.True(outcomes[(int)CacheOutcome.Hit] > 0 && outcomes[(int)CacheOutcome.Missed] + outcomes[(int)CacheOutcome.Replaced] > 2);
    }

    [Fact]
    public void The_folder_is_this_users_alone_or_is_not_used()
    {
        var path = Build("folder.so", Source);
        var root = NewRoot();
        UnwindTables.Load(path, UnwindCache.Open(root));
        const UnixFileMode all = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        var folder = Path.Join(root, "stackdepth", "unwind");
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Assert.Equal(all, File.GetUnixFileMode(folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Files(root).Single()));

        foreach (var (name, mode) in new[] { (folder, UnixFileMode.OtherWrite), (folder, UnixFileMode.GroupWrite), (Path.GetDirectoryName(folder)!, UnixFileMode.OtherWrite), (root, UnixFileMode.OtherWrite) })
        {
            var before = File.GetUnixFileMode(name);
            File.SetUnixFileMode(name, before | mode);
            AssertOff(path, root);
            File.SetUnixFileMode(name, before);
        }

        Assert.Equal(CacheOutcome.Hit, UnwindTables.Load(path, UnwindCache.Open(root)).Cache);
        Directory.Move(folder, folder + "2");
        Directory.CreateSymbolicLink(folder, folder + "2");
        AssertOff(path, root);
        File.Delete(folder);
        File.WriteAllText(folder, string.Empty);
        AssertOff(path, root);
        if (LibC.GetEUid() == 0)
        {
            File.Delete(folder);
            Directory.Move(folder + "2", folder);
            CompiledTargets.Run("chown", "65534", folder);
            AssertOff(path, root);
        }
    }

    [Fact]
    public void Without_a_home_there_is_no_cache_and_no_problem()
    {
        Assert.Null(UnwindCacheFolder.FindBase(static _ => null));
        Assert.Null(UnwindCacheFolder.FindBase(static _ => "relative"));
        Assert.Equal("/home/u/.cache", UnwindCacheFolder.FindBase(static name => name == "HOME" ? "/home/u" : null));
        Assert.Equal("/c", UnwindCacheFolder.FindBase(static name => name == "HOME" ? "/home/u" : "/c"));
        var load = UnwindTables.Load(Build("homeless.so", Source), UnwindCache.None);
        Assert.Equal((CacheOutcome.Off, null), (load.Cache, load.CacheProblem));
        Assert.NotNull(UnwindCache.Open("/proc/none").Problem);
    }

    [Fact]
    public void The_oldest_tables_and_abandoned_writes_give_way()
    {
        var root = NewRoot();
        var first = Build("first.so", Source);
        UnwindTables.Load(first, UnwindCache.Open(root));
        var length = new FileInfo(Files(root).Single()).Length;
        File.SetLastWriteTimeUtc(Files(root).Single(), DateTime.UtcNow.AddDays(-1));
        var abandoned = Path.Join(root, "stackdepth", "unwind", ".1-2.tmp");
        File.WriteAllText(abandoned, string.Empty);
        File.SetLastWriteTimeUtc(abandoned, DateTime.UtcNow.AddDays(-1));

        var second = Build("second.so", Other);
        UnwindTables.Load(second, UnwindCache.Open(root, maxBytes: length + 100));
        Assert.Single(Files(root));
        Assert.False(File.Exists(abandoned));
        Assert.Equal(CacheOutcome.Hit, UnwindTables.Load(second, UnwindCache.Open(root)).Cache);
        Assert.Equal(CacheOutcome.Missed, UnwindTables.Load(first, UnwindCache.Open(root)).Cache);
    }

    private string Build(string name, string source) =>
        targets.Compile(name, source, "-shared", "-fPIC", "-nostdlib", "-fomit-frame-pointer", "-Wl,--build-id=0x0123456789abcdef");

    private static IEnumerable<string> Files(string root) => Directory.EnumerateFiles(Path.Join(root, "stackdepth", "unwind"), "*" + UnwindCacheFile.Extension);

    private static void AssertReplaced(string root, string path, UnwindTable expected, byte[] good, string file)
    {
        var load = UnwindTables.Load(path, UnwindCache.Open(root));
        Assert.Equal(CacheOutcome.Replaced, load.Cache);
        Assert.NotNull(load.CacheProblem);
        AssertSame(expected, load.Table);
        Assert.Equal(good, File.ReadAllBytes(file));
    }

    private static void AssertOff(string path, string root)
    {
        var load = UnwindTables.Load(path, UnwindCache.Open(root));
        Assert.Equal(CacheOutcome.Off, load.Cache);
        Assert.NotNull(load.CacheProblem);
        Assert.True(load.Table.HasRules);
    }

    private static void AssertSame(UnwindTable expected, UnwindTable actual)
    {
        Assert.Equal(expected.Rules, actual.Rules);
        Assert.Equal(expected.PageStarts, actual.PageStarts);
        Assert.Equal(expected.Rows, actual.Rows);
        Assert.Equal(expected.BuildId, actual.BuildId);
        Assert.Equal((expected.FirstPage, expected.Plain, expected.Report.ToString()), (actual.FirstPage, actual.Plain, actual.Report.ToString()));
    }

    private static UnwindTable With(UnwindTable table, UnwindRule[] rules, uint[] starts, uint[] rows, uint? firstPage = null) => new()
    {
        Rules = rules,
        PageStarts = starts,
        Rows = rows,
        FirstPage = firstPage ?? table.FirstPage,
        Plain = table.Plain,
        BuildId = table.BuildId,
        Report = table.Report,
    };

    private static void Spoil(string file, Random random)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            stream.Position = random.Next(200);
            stream.WriteByte((byte)random.Next(256));
        }
        catch (FileNotFoundException)
        {
            // Another worker has just deleted it.
        }
    }
}
