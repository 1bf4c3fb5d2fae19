using System.Buffers.Binary;
using System.Text;

namespace StackDepth.Live.Tests.Walks;

/// <summary>What a target says of a hit: the frames above the base that the tag stands for, without the probed function.</summary>
internal sealed record ReportedHit(int Tid, int Relative, string Tag);

/// <summary>The report that a target leaves (Targets/Walks/walk.c).</summary>
internal sealed class HitReport : IDisposable
{
    private const int Record = 16;

    internal string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"stackdepth-hits-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(Path);

    /// <summary>The hits of each thread, in its order.</summary>
    internal Dictionary<int, ReportedHit[]> Read()
    {
        Span<byte> buffer = stackalloc byte[Record];
        using var file = File.OpenRead(Path);
        file.ReadExactly(buffer);
        var hits = new ReportedHit[BinaryPrimitives.ReadInt32LittleEndian(buffer)];
        for (var i = 0; i < hits.Length; i++)
        {
            file.ReadExactly(buffer);
            hits[i] = new(
                BinaryPrimitives.ReadInt32LittleEndian(buffer), BinaryPrimitives.ReadInt32LittleEndian(buffer[4..]), Encoding.ASCII.GetString(buffer[8..].TrimEnd((byte)0)));
        }

        return hits.GroupBy(static hit => hit.Tid).ToDictionary(static thread => thread.Key, static thread => thread.ToArray());
    }
}
