using StackDepth.Native.Symbols;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>What is mapped where, against memory of which each byte knows its mapping.</summary>
public sealed class MappingHistoryTests
{
    private const int Bytes = 64;

    [Fact]
    public void At_each_time_there_is_what_was_mapped_last()
    {
        var random = new Random(4711);
        for (var round = 0; round < 300; round++)
        {
            var history = new MappingHistory([]);
            var memory = new List<string?[]> { new string?[Bytes] };
            var mappings = Enumerable.Range(1, random.Next(1, 30)).Select(time => (Time: (long)time, Region: Region(random, time))).ToArray();
            foreach (var (_, region) in mappings)
            {
                var next = (string?[])memory[^1].Clone();
                Array.Fill(next, region.Name, (int)region.Start, (int)(region.End - region.Start));
                memory.Add(next);
            }

            // What comes late has its place by its time.
            foreach (var (time, region) in mappings.OrderBy(mapping => mapping.Time + random.Next(4)))
            {
                history.Add(time, region);
            }

            for (var time = 0; time < memory.Count; time++)
            {
                Assert.Equal(memory[time], Memory(history.At(time)));
                for (var address = 0; address < Bytes; address++)
                {
                    var changed = mappings.Skip(time).Any(mapping => (ulong)address >= mapping.Region.Start && (ulong)address <= mapping.Region.End);
                    Assert.Equal(changed, history.HasChangedSince(time, [(ulong)address]));
                }
            }

            Assert.Equal(memory[^1], Memory(history.Now));
        }
    }

    [Fact]
    public void A_process_that_maps_without_end_takes_bounded_memory_and_is_still_known()
    {
        var history = new MappingHistory([]);
        for (var i = 1; i <= 100_000; i++)
        {
            history.Add(i, new((ulong)i * 16, ((ulong)i * 16) + 8, 0, default, "[anon]"));
        }

        Assert.InRange(history.Now.Count, 1, MapsReader.MostRegions + 4096);
        Assert.Equal(100_000ul * 16, history.Now[^1].Start);
    }

    [Fact]
    public void A_time_namespace_moves_the_clock()
    {
        Assert.Equal(-1_500_000_000, BootClock.ParseShift("monotonic           7         0\nboottime           -2         500000000\n"));
        Assert.Equal(0, BootClock.ParseShift("nonsense\nboottime x y\n"));
    }

    [Fact]
    public void The_clock_is_the_one_by_which_processes_begin()
    {
        // Not later than now, by that clock; and a process that begins between two readings is between them.
        var before = BootClock.Ticks(BootClock.Now);
        using var process = System.Diagnostics.Process.Start("sleep", "60");
        try
        {
            var after = BootClock.Ticks(BootClock.Now);
            Assert.InRange(ProcessStatus.Read(process.Id)!.StartTicks, before, after);
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    private static MappedRegion Region(Random random, int time)
    {
        var start = random.Next(Bytes - 1);
        return new((ulong)start, (ulong)random.Next(start + 1, Bytes), 0, default, $"mapping {time}");
    }

    private static string?[] Memory(IReadOnlyList<MappedRegion> regions)
    {
        var memory = new string?[Bytes];
        foreach (var region in regions)
        {
            for (var address = region.Start; address < region.End; address++)
            {
                Assert.Null(memory[address]);
                memory[address] = region.Name;
            }
        }

        return memory;
    }
}
