namespace StackDepth.Native.Kernel;

/// <summary>The code that the kernel frees once it is up (__init): its symbols stay in /proc/kallsyms, and no function is there any more.</summary>
internal readonly record struct DroppedCode(ulong Start, ulong End)
{
    internal static DroppedCode Find(ReadOnlySpan<byte> symbols)
    {
        ulong start = 0, end = 0;
        for (var lines = new KernelSymbolLines(symbols); lines.MoveNext() && (start == 0 || end == 0);)
        {
            if (lines.Name.SequenceEqual("_sinittext"u8))
            {
                start = lines.Address;
            }
            else if (lines.Name.SequenceEqual("_einittext"u8))
            {
                end = lines.Address;
            }
        }

        return new(start, end);
    }

    internal bool Has(ulong address) => address != 0 && address >= Start && address < End;
}
