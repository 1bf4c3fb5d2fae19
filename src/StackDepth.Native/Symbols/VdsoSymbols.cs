using StackDepth.Native.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>The vDSO's functions. It is in no file, but all 64-bit processes of a kernel have the same, so this process's own serves.</summary>
internal sealed class VdsoSymbols
{
    private readonly byte[] _image;

    private VdsoSymbols(byte[] image, FileSymbols symbols) => (_image, Symbols) = (image, symbols);

    internal FileSymbols Symbols { get; }

    /// <summary>The image's length in memory.</summary>
    internal ulong Length => (ulong)_image.Length;

    internal static VdsoSymbols Load(SymbolNaming naming) => Load(Vdso.Image() ?? [], naming);

    internal static VdsoSymbols Load(byte[] image, SymbolNaming naming)
    {
        try
        {
            using var elf = ElfImage.Open("[vdso]", image);
            return new VdsoSymbols(image, FileSymbols.Read(elf, finder: null, naming));
        }
        catch (ElfException error)
        {
            return new VdsoSymbols([], FileSymbols.None(error.Message));
        }
    }

    /// <summary>The code at an offset; shorter at the end.</summary>
    internal ReadOnlySpan<byte> Code(ulong offset, int length) =>
        offset >= Length ? [] : _image.AsSpan((int)offset, (int)Math.Min((ulong)length, Length - offset));
}
