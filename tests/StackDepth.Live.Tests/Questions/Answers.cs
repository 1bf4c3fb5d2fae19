using System.Buffers.Binary;
using System.Text;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Questions;

/// <summary>What a target knew of itself at a hit.</summary>
internal sealed record Answer(int Tid, string Tag, long First, long Second);

/// <summary>The file that a target leaves (Targets/Walks/answers.c), and the targets that do.</summary>
internal sealed class Answers : IDisposable
{
    private const int Record = 32;

    internal string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"stackdepth-answers-{Guid.NewGuid():N}");

    internal static string Recursion => Builds.C("recursion", "-O2", "-pthread", "answers.c", "recursion.c");

    public void Dispose() => File.Delete(Path);

    /// <summary>The answers of each thread, in its order.</summary>
    internal Dictionary<int, Answer[]> Read()
    {
        Span<byte> buffer = stackalloc byte[Record];
        using var file = File.OpenRead(Path);
        file.ReadExactly(buffer);
        var answers = new Answer[BinaryPrimitives.ReadInt32LittleEndian(buffer)];
        for (var i = 0; i < answers.Length; i++)
        {
            file.ReadExactly(buffer);
            answers[i] = new(
                BinaryPrimitives.ReadInt32LittleEndian(buffer),
                Encoding.ASCII.GetString(buffer[8..16].TrimEnd((byte)0)),
                BinaryPrimitives.ReadInt64LittleEndian(buffer[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(buffer[24..]));
        }
        return answers.GroupBy(static answer => answer.Tid).ToDictionary(static thread => thread.Key, static thread => thread.ToArray());
    }
}
