using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

/// <summary>Against coreutils' b2sum.</summary>
public sealed class Blake2bTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(100_000)]
    public void The_hash_is_that_of_b2sum_however_the_bytes_arrive(int length)
    {
        var random = new Random(length);
        var bytes = new byte[length];
        random.NextBytes(bytes);
        var path = targets.PathOf($"hashed{length}");
        File.WriteAllBytes(path, bytes);
        var expected = CompiledTargets.Run("b2sum", "-l", "256", path).Split(' ')[0];
        for (var round = 0; round < 20; round++)
        {
            var hash = new Blake2b();
            for (var at = 0; at < length;)
            {
                var part = round == 0 ? length : random.Next(1, Math.Min(length - at, 700) + 1);
                hash.Append(bytes.AsSpan(at, part));
                at += part;
            }

            var result = new byte[Blake2b.HashSize];
            hash.Finish(result);
            Assert.Equal(expected, Convert.ToHexStringLower(result));
        }
    }
}
