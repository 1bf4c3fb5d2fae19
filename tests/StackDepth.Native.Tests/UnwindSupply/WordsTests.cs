using System.Collections.Concurrent;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.UnwindSupply;

public sealed unsafe class WordsTests
{
    [Fact]
    public void Chunks_are_put_into_the_map_beside_whoever_stores_tables()
    {
        Requires.Bpf();
        var putters = new ConcurrentQueue<int>();
        var sys = new FaultySystemCalls
        {
            OnBpf = (command, _, _) =>
            {
                if (command == BpfCommand.MapUpdateBatch)
                {
                    putters.Enqueue(Environment.CurrentManagedThreadId);
                }

                return null;
            },
        };
        using var map = BpfMap.Create(UnwindMaps.Tables, sys);
        using var words = new UnwindWords(map);
        var random = new Random(3);
        while (words.Used < 40 * UnwindMaps.ChunkWords)
        {
            var table = Tables.Random(random, pages: 40);
            words.Store(table, new uint[table.Rules.Length]);
        }

        Assert.True(putters.Count >= 2);
        Assert.DoesNotContain(Environment.CurrentManagedThreadId, putters);
    }
}
