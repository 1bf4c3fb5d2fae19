using StackDepth.Native.Symbols;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>Overlapping ranges against a search of all of them.</summary>
public sealed class RangeIndexTests
{
    [Fact]
    public void The_last_range_that_covers_an_address_has_it()
    {
        var random = new Random(11);
        for (var round = 0; round < 2000; round++)
        {
            var ranges = Enumerable.Range(0, random.Next(12)).Select(_ => RandomRange(random, 40)).ToArray();
            var index = RangeIndex.Build(ranges);
            for (var address = 0UL; address < 60; address++)
            {
                Assert.Equal(Array.FindLastIndex(ranges, range => address >= range.Start && address < range.End), index.Find(address));
            }
        }
    }

    [Fact]
    public void The_ends_of_the_address_space_are_addresses_too()
    {
        var index = RangeIndex.Build([new(0, 1), new(ulong.MaxValue - 1, ulong.MaxValue)]);
        Assert.Equal([0, -1, -1, 1, -1], new ulong[] { 0, 1, 1UL << 63, ulong.MaxValue - 1, ulong.MaxValue }.Select(index.Find));
        Assert.Equal(-1, RangeIndex.Empty.Find(0));
        Assert.Equal(-1, RangeIndex.Build([new(5, 5), new(7, 6)]).Find(5));
    }

    [Fact]
    public void A_perf_map_that_grows_by_pieces_says_what_its_last_line_for_an_address_says()
    {
        var random = new Random(12);
        for (var round = 0; round < 300; round++)
        {
            var map = new PerfMap();
            var lines = new List<AddressRange>();
            for (var part = random.Next(1, 30); part > 0; part--)
            {
                var added = Enumerable.Range(0, random.Next(6)).Select(_ => RandomRange(random, 100)).Where(static range => range.End > range.Start).ToArray();
                map.Append(System.Text.Encoding.UTF8.GetBytes(string.Concat(added.Select((range, i) => $"{range.Start:x} {range.End - range.Start:x} name {lines.Count + i}\n"))));
                lines.AddRange(added);
                for (var address = 0UL; address < 120; address++)
                {
                    var line = map.Find(address, out var start);
                    var expected = lines.FindLastIndex(range => address >= range.Start && address < range.End);
                    Assert.Equal(expected, line);
                    Assert.True(line < 0 || (map.NameOf(line) == $"name {expected}" && start == lines[expected].Start));
                }
            }
        }
    }

    [Fact]
    public void Newer_mappings_lie_over_older_ones()
    {
        var random = new Random(13);
        for (var round = 0; round < 3000; round++)
        {
            IReadOnlyList<MappedRegion> known = [];
            var bytes = new (string, ulong)?[100];
            for (var step = 0; step < 4; step++)
            {
                var newer = RandomRegions(random, $"file {step}");
                known = RegionMerge.Merge(known, newer);
                foreach (var region in newer)
                {
                    for (var at = region.Start; at < region.End; at++)
                    {
                        bytes[at] = (region.Name, at - region.Start + region.FileOffset);
                    }
                }
            }

            Assert.Equal(known.OrderBy(static region => region.Start), known);
            for (var address = 0UL; address < 100; address++)
            {
                var found = known.Where(region => address >= region.Start && address < region.End).Select(region => (region.Name, address - region.Start + region.FileOffset)).ToArray();
                Assert.Equal(bytes[address] is { } expected ? [expected] : [], found);
            }
        }
    }

    [Fact]
    public void Mappings_that_did_not_change_stay_the_same_objects()
    {
        MappedRegion[] old = [new(1, 5, 0, new UnwindFileKey(1, 1), "a"), new(7, 9, 0, new UnwindFileKey(2, 1), "b")];
        var merged = RegionMerge.Merge(old, [old[0] with { }, new MappedRegion(9, 12, 0, default, "")]);
        Assert.Equal(3, merged.Count);
        Assert.Same(old[0], merged[0]);
        Assert.Same(old[1], merged[1]);
    }

    private static AddressRange RandomRange(Random random, int most)
    {
        var start = random.Next(most);
        return new((ulong)start, (ulong)(start + random.Next(16)));
    }

    private static List<MappedRegion> RandomRegions(Random random, string name)
    {
        var result = new List<MappedRegion>();
        for (var at = random.Next(30); at < 90; at += random.Next(30))
        {
            var length = random.Next(1, 10);
            result.Add(new((ulong)at, (ulong)(at + length), (ulong)random.Next(5000), new UnwindFileKey(1, 1), name));
            at += length;
        }

        return result;
    }
}
