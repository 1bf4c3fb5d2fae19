using System.Runtime.CompilerServices;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.UnwindSupply;

public sealed class TableWriterTests
{
    private static UnwindFileKey Key(int inode) => new((ulong)inode, 0x800001);

    private static void AssertSame(UnwindFixture maps, UnwindFileKey key, UnwindTable table, Random random, int samples)
    {
        var entry = Assert.NotNull(maps.Entry(key));
        Assert.Equal(UnwindFileFlags.Ready, entry.Flags);
        Assert.Equal(table.Plain, new(entry.PlainStart, entry.PlainLength));
        Assert.Equal((uint)table.PageCount, entry.PageCount);
        for (var i = 0; i < samples; i++)
        {
            var offset = ((ulong)(table.FirstPage + random.Next(-1, table.PageCount + 1)) << 8) + (ulong)random.Next(256);
            Assert.Equal(Tables.Find(table, offset), maps.Find(entry, offset));
        }
    }

    [Fact]
    public void Records_have_the_sizes_that_the_walker_reads()
    {
        Assert.Equal(UnwindMaps.Files.KeySize, Unsafe.SizeOf<UnwindFileKey>());
        Assert.Equal(UnwindMaps.Files.ValueSize, Unsafe.SizeOf<UnwindFileEntry>());
        Assert.Equal(UnwindMaps.RuleBytes, Unsafe.SizeOf<UnwindRule>());
        Assert.Equal(UnwindRequest.Size, Unsafe.SizeOf<UnwindRequest>());
        Assert.Equal(65536, UnwindMaps.ChunkBytes);
    }

    [Fact]
    public void Tables_are_found_in_the_kernel_as_they_were_given()
    {
        using var maps = new UnwindFixture();
        using var writer = maps.Writer();
        var random = new Random(1);
        // Small ones that share a chunk, and some of several chunks each.
        var tables = Enumerable.Range(0, 40).Select(i => Tables.Random(random, i % 8 == 7 ? 300 : random.Next(1, 30))).ToArray();
        for (var i = 0; i < tables.Length; i++)
        {
            Assert.Equal(UnwindInstall.Installed, writer.Install(Key(i), tables[i]));
        }

        for (var i = 0; i < tables.Length; i++)
        {
            AssertSame(maps, Key(i), tables[i], random, 60);
        }

        var words = tables.Sum(static table => table.Rows.Length + table.PageCount);
        Assert.InRange(writer.Usage.Words, (uint)words, (uint)words + (255 * ((uint)words / UnwindMaps.ChunkWords + 1)));
        Assert.Equal(tables.SelectMany(static table => table.Rules).Distinct().Count() + 1, writer.Usage.Rules);
        Assert.Null(maps.Entry(Key(1000)));
    }

    [Fact]
    public void The_same_table_of_two_files_takes_its_words_once()
    {
        using var maps = new UnwindFixture();
        using var writer = maps.Writer();
        var table = Tables.Random(new Random(2), 20);
        var twin = Tables.Random(new Random(2), 20);
        var other = Tables.Random(new Random(3), 20);
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(1), table));
        var used = writer.Usage;
        Assert.Equal(UnwindInstall.Shared, writer.Install(Key(2), table));
        Assert.Equal(UnwindInstall.Shared, writer.Install(Key(3), twin));
        Assert.Equal(used, writer.Usage);
        Assert.Equal(maps.Entry(Key(1)), maps.Entry(Key(2)));
        Assert.Equal(maps.Entry(Key(1)), maps.Entry(Key(3)));
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(4), other));
        Assert.NotEqual(maps.Entry(Key(1)), maps.Entry(Key(4)));
    }

    [Fact]
    public void The_same_rows_with_other_rules_are_another_table()
    {
        using var maps = new UnwindFixture();
        using var writer = maps.Writer();
        // The same build-id, too: it is only a claim.
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(1), Tables.Single(16, [1, 2, 3])));
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(2), Tables.Single(24, [1, 2, 3])));
        Assert.Equal(Tables.Rule(16), maps.Find(maps.Entry(Key(1))!.Value, 5));
        Assert.Equal(Tables.Rule(24), maps.Find(maps.Entry(Key(2))!.Value, 5));
    }

    [Fact]
    public void A_table_without_room_makes_its_file_unusable_and_harms_no_other()
    {
        using var maps = new UnwindFixture(chunks: 2);
        using var writer = maps.Writer();
        var random = new Random(4);
        var fits = Tables.Random(random, 150);
        var second = Tables.Random(random, 300);
        var small = Tables.Random(random, 10);
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(1), fits));
        var used = writer.Usage;
        Assert.Equal(UnwindInstall.NoWords, writer.Install(Key(2), second));
        Assert.Equal(UnwindFileEntry.Without(UnwindFileFlags.Unusable), maps.Entry(Key(2)));
        Assert.Equal(used, writer.Usage);
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(3), small));
        AssertSame(maps, Key(1), fits, random, 100);
        AssertSame(maps, Key(3), small, random, 100);
    }

    [Fact]
    public void The_last_word_can_be_used()
    {
        using var maps = new UnwindFixture(chunks: 1);
        using var writer = maps.Writer();
        // 63 pages of 256 rows and one of 192, and 64 words of index: 16,384.
        uint[] full = [.. Enumerable.Range(0, 256).Select(static i => (uint)i << 24 | (uint)(i % 3))];
        var table = Tables.Create([default, Tables.Rule(8), Tables.Rule(16)], 7, [.. Enumerable.Repeat(full, 63), full[..192]]);
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(1), table));
        Assert.Equal((uint)UnwindMaps.ChunkWords, writer.Usage.Words);
        AssertSame(maps, Key(1), table, new Random(5), 200);
        Assert.Equal(UnwindInstall.NoWords, writer.Install(Key(2), Tables.Single(8)));
    }

    [Fact]
    public void Rules_without_room_become_unsupported()
    {
        using var maps = new UnwindFixture(rules: 4);
        using var writer = maps.Writer();
        var table = Tables.Create([default, Tables.Rule(8), Tables.Rule(16), Tables.Rule(24), new(CfaKind.Unsupported)], 0, [[0, 1 << 24 | 1, 2 << 24 | 2, 3 << 24 | 3, 4 << 24 | 4]]);
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(1), table));
        var entry = maps.Entry(Key(1))!.Value;
        Assert.Equal([default, Tables.Rule(8), Tables.Rule(16), new(CfaKind.Unsupported), new(CfaKind.Unsupported)], Enumerable.Range(0, 5).Select(i => maps.Find(entry, (ulong)i)));
        Assert.Equal((4, 1L), (writer.Usage.Rules, writer.Usage.RulesWithoutRoom));
    }

    [Fact]
    public void More_files_than_there_is_room_for_are_said()
    {
        using var maps = new UnwindFixture(files: 2);
        using var writer = maps.Writer();
        var answers = Enumerable.Range(0, 200).Select(i => writer.Install(Key(i), Tables.Single(8))).ToArray();
        Assert.Equal(UnwindInstall.Installed, answers[0]);
        Assert.Equal(UnwindInstall.NoFiles, answers[^1]);
        Assert.False(writer.Mark(Key(1000), UnwindFileFlags.NoTable));
        writer.Forget(Key(0));
        writer.Forget(Key(1));
        Assert.Null(maps.Entry(Key(0)));
        Assert.True(writer.Mark(Key(1000), UnwindFileFlags.NoTable));
        Assert.Equal(UnwindFileEntry.Without(UnwindFileFlags.NoTable), maps.Entry(Key(1000)));
    }

    [Fact]
    public void Pages_that_the_format_cannot_hold_are_refused()
    {
        using var maps = new UnwindFixture();
        using var writer = maps.Writer();
        Assert.Throws<ArgumentException>(() => writer.Install(Key(1), Tables.Create([default], 0, [])));
        Assert.Throws<ArgumentException>(() => writer.Install(Key(1), Tables.Create([default], 0, [[]])));
        Assert.Throws<ArgumentException>(() => writer.Install(Key(1), Tables.Create([default], 0, [new uint[257]])));
        Assert.Null(maps.Entry(Key(1)));
    }

    [Fact]
    public async Task Files_are_installed_by_many_threads_while_others_are_read()
    {
        using var maps = new UnwindFixture();
        using var writer = maps.Writer();
        var random = new Random(6);
        var tables = Enumerable.Range(0, 60).Select(_ => Tables.Random(random, random.Next(1, 80))).ToArray();
        Assert.Equal(UnwindInstall.Installed, writer.Install(Key(0), tables[0]));
        var installing = Parallel.ForAsync(1, tables.Length, TestContext.Current.CancellationToken, (i, _) =>
        {
            Assert.Equal(UnwindInstall.Installed, writer.Install(Key(i), tables[i]));
            return ValueTask.CompletedTask;
        });
        do
        {
            // Its last chunk is written again and again meanwhile.
            AssertSame(maps, Key(0), tables[0], random, 20);
        }
        while (!installing.IsCompleted);
        await installing;
        for (var i = 0; i < tables.Length; i++)
        {
            AssertSame(maps, Key(i), tables[i], random, 20);
        }
    }

    [Fact]
    public unsafe void A_refusal_of_the_kernels_is_thrown_and_the_file_stays_unknown()
    {
        // No memory when the chunks are to be put into their slots.
        var sys = new FaultySystemCalls { OnBpf = static (command, _, _) => command == BpfCommand.MapUpdateBatch ? -(long)Errno.ENOMEM : null };
        using (var maps = new UnwindFixture(sys: sys))
        using (var writer = maps.Writer())
        {
            Assert.Equal(Errno.ENOMEM, Assert.Throws<KernelException>(() => writer.Install(Key(1), Tables.Single(8))).Errno);
            Assert.Null(maps.Entry(Key(1)));
            Assert.True(writer.Mark(Key(1), UnwindFileFlags.Unusable));
        }

        // None for more chunks than the first.
        var chunks = 0;
        sys = new FaultySystemCalls { OnBpf = (command, _, attribute) => command == BpfCommand.MapCreate && ((MapCreateAttribute*)attribute)->ValueSize == UnwindMaps.ChunkBytes && chunks++ > 16 ? -(long)Errno.ENOMEM : null };
        using (var maps = new UnwindFixture(sys: sys))
        using (var writer = maps.Writer())
        {
            var random = new Random(7);
            var table = Tables.Random(random, 100);
            Assert.Equal(UnwindInstall.Installed, writer.Install(Key(1), table));
            Assert.Equal(Errno.ENOMEM, Assert.Throws<KernelException>(() => writer.Install(Key(2), Tables.Random(random, 2500))).Errno);
            Assert.Null(maps.Entry(Key(2)));
            var small = Tables.Random(random, 10);
            Assert.Equal(UnwindInstall.Installed, writer.Install(Key(3), small));
            AssertSame(maps, Key(1), table, random, 50);
            AssertSame(maps, Key(3), small, random, 50);
        }
    }
}
