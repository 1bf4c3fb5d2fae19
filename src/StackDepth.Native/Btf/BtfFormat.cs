namespace StackDepth.Native.Btf;

/// <summary>Kinds of BTF types (<c>BTF_KIND_*</c> of include/uapi/linux/btf.h).</summary>
internal enum BtfKind : uint
{
    Void = 0,
    Integer = 1,
    Pointer = 2,
    Array = 3,
    Struct = 4,
    Union = 5,
    Enum = 6,
    Forward = 7,
    Typedef = 8,
    Volatile = 9,
    Const = 10,
    Restrict = 11,
    Function = 12,
    FunctionPrototype = 13,
    Variable = 14,
    DataSection = 15,
    Float = 16,
    DeclarationTag = 17,
    TypeTag = 18,
    Enum64 = 19,
}

/// <summary>Constants and sizes of the BTF format.</summary>
internal static class BtfFormat
{
    internal const ushort Magic = 0xeb9f;
    internal const int HeaderSize = 24;

    /// <summary>The bytes of a type before what is particular to its kind: name, info, size or type.</summary>
    internal const int TypeSize = 12;

    /// <summary>The bytes of a struct's or union's member: name, type, offset in bits.</summary>
    internal const int MemberSize = 12;

    /// <summary>The bytes that follow a type of a kind with so many members; null for a kind that this library does not know.</summary>
    internal static int? Trailer(BtfKind kind, int members) => kind switch
    {
        BtfKind.Integer or BtfKind.Variable or BtfKind.DeclarationTag => 4,
        BtfKind.Array => 12,
        BtfKind.Struct or BtfKind.Union => members * MemberSize,
        BtfKind.Enum or BtfKind.FunctionPrototype => members * 8,
        BtfKind.DataSection or BtfKind.Enum64 => members * 12,
        BtfKind.Pointer or BtfKind.Forward or BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict
            or BtfKind.Function or BtfKind.Float or BtfKind.TypeTag => 0,
        _ => null,
    };
}
