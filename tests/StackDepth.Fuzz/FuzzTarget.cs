namespace StackDepth.Fuzz;

/// <summary>Something that reads what others may have spoiled.</summary>
/// <param name="Name">Also of its corpus.</param>
/// <param name="Read">Reads an input.</param>
/// <param name="Expects">Whether it may throw so: its own errors, by which it says what is wrong with the input.</param>
/// <param name="Seeds">Inputs that are as they should be.</param>
internal sealed record FuzzTarget(string Name, Action<byte[]> Read, Func<Exception, bool> Expects, Func<IEnumerable<byte[]>> Seeds)
{
    /// <summary>Longer inputs are not made.</summary>
    internal int MostBytes { get; init; } = 4096;

    /// <summary>Pieces of which inputs are made beside random bytes.</summary>
    internal byte[][] Words { get; init; } = [];
}
