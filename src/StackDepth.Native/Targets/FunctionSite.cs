namespace StackDepth.Native.Targets;

/// <summary>One place to put a uprobe.</summary>
/// <param name="Symbol">The function's name; <c>name+0x12</c> inside one; <c>0x1234</c> where no symbol is known.</param>
/// <param name="Address">The virtual address, as in the file (before relocation).</param>
/// <param name="Offset">The byte offset in the file: what the kernel wants.</param>
/// <param name="Size">Bytes from <paramref name="Address"/> to the function's end; 0 when the symbol does not tell.</param>
/// <param name="Module">The file's name without directories.</param>
internal readonly record struct FunctionSite(string Symbol, ulong Address, ulong Offset, ulong Size, string Module)
{
    /// <summary>Where the compiler put the unlikely part of the function; null where nobody has looked, or the symbols do not tell.</summary>
    public ColdPart? Cold { get; init; }
}

/// <summary>The part of a function that lies apart from it, by its virtual address as in the file; of size 0 where there is none.</summary>
internal readonly record struct ColdPart(ulong Address, ulong Size);
