using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Threads;

public sealed class UnwindTableShelfTests
{
    private static readonly FileVersion s_file = new(new(77, 5), 1, 1000, 20, 4096);

    [Fact]
    public void A_version_of_a_file_is_known_once_it_was_put_there()
    {
        var shelf = new UnwindTableShelf(1 << 20);
        Assert.False(shelf.TryGet(s_file, out _));
        var table = Table(10);
        shelf.Put(s_file, table);
        shelf.Put(s_file with { Size = 1 }, null);

        Assert.True(shelf.TryGet(s_file, out var found) && ReferenceEquals(table, found));
        Assert.True(shelf.TryGet(s_file with { Size = 1 }, out var none) && none is null);
        FileVersion[] others = [s_file with { Key = new(78, 5) }, s_file with { Key = new(77, 6) }, s_file with { Generation = 2 }, s_file with { Changed = 1001 }, s_file with { ChangedNanoseconds = 21 }, s_file with { Size = 2 }];
        Assert.All(others, other => Assert.False(shelf.TryGet(other, out _)));
    }

    [Fact]
    public void What_was_not_asked_for_the_longest_goes_when_there_is_too_much()
    {
        // A table of 1,000 rows takes some 4,300 bytes.
        var shelf = new UnwindTableShelf(14_000);
        for (var file = 0u; file < 3; file++)
            shelf.Put(s_file with { Generation = file }, Table(1000));
        Assert.True(shelf.TryGet(s_file with { Generation = 0 }, out _));
        shelf.Put(s_file with { Generation = 3 }, Table(1000));

        Assert.Equal([true, false, true, true], Enumerable.Range(0, 4).Select(file => shelf.TryGet(s_file with { Generation = (uint)file }, out _)));
        Assert.Equal(3, shelf.Count);
    }

    [Fact]
    public void A_table_that_is_larger_than_all_room_is_not_kept_and_drives_out_nothing()
    {
        var shelf = new UnwindTableShelf(10_000);
        shelf.Put(s_file, Table(10));
        shelf.Put(s_file with { Generation = 9 }, Table(10_000));

        Assert.Equal((1, true), (shelf.Count, shelf.TryGet(s_file, out _)));
    }

    private static UnwindTable Table(int rows) => new()
    {
        Rules = [default],
        FirstPage = 0,
        PageStarts = [0, (uint)rows],
        Rows = new uint[rows],
        Plain = default,
        BuildId = null,
        Report = new(0, 0, rows, false, new int[UnwindReport.Reasons]),
    };
}
