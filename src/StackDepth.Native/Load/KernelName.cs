namespace StackDepth.Native.Load;

/// <summary>Names as the kernel takes them for objects: at most 15 bytes of [A-Za-z0-9_.] and a terminator.</summary>
internal static class KernelName
{
    private const int Size = 16;

    /// <summary>Writes a name into a 16-byte field, cut off and with foreign characters replaced: the name only labels the object for people.</summary>
    internal static unsafe void Write(byte* field, string name)
    {
        for (var i = 0; i < Size - 1 && i < name.Length; i++)
        {
            field[i] = char.IsAsciiLetterOrDigit(name[i]) || name[i] is '_' or '.' ? (byte)name[i] : (byte)'_';
        }
    }
}
