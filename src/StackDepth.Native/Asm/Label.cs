namespace StackDepth.Native.Asm;

/// <summary>A place in the code of one <see cref="Assembler"/>: an opaque id from <see cref="Assembler.CreateLabel"/>. The default value belongs to none.</summary>
internal readonly struct Label
{
    internal Label(Assembler owner, int id)
    {
        Owner = owner;
        Id = id;
    }

    internal Assembler? Owner { get; }

    internal int Id { get; }
}
