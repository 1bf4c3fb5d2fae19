using System.Buffers.Binary;
using System.Text;

namespace StackDepth.Native.Btf;

/// <summary>
/// Builds the little BTF that a program with several functions needs: integers, a pointer, prototypes and functions. Layout as in
/// Documentation/bpf/btf.rst: a 24-byte header, the types (numbered from 1), the strings.
/// </summary>
internal sealed class BtfBuilder
{
    private readonly List<byte> _types = [];
    private readonly List<byte> _strings = [0];
    private uint _count;

    internal BtfBuilder()
    {
        Int32 = AddInteger("int", 4, signed: true);
        Int64 = AddInteger("long", 8, signed: true);
        UInt64 = AddInteger("unsigned_long", 8, signed: false);
        PointerToVoid = AddType("", BtfKind.Pointer, 0, 0);
    }

    internal uint Int32 { get; }

    internal uint Int64 { get; }

    internal uint UInt64 { get; }

    internal uint PointerToVoid { get; }

    /// <summary>A prototype with unnamed types as parameters; gives its id.</summary>
    internal uint AddFunctionPrototype(uint returns, params ReadOnlySpan<uint> parameters)
    {
        var id = AddType("", BtfKind.FunctionPrototype, (uint)parameters.Length, returns);
        for (var i = 0; i < parameters.Length; i++)
        {
            Word(AddString($"arg{i}"));
            Word(parameters[i]);
        }

        return id;
    }

    /// <summary>An array; gives its id.</summary>
    internal uint AddArray(uint element, uint length)
    {
        var id = AddType("", BtfKind.Array, 0, 0);
        Word(element);
        Word(Int32);
        Word(length);
        return id;
    }

    /// <summary>A function of static linkage, which the verifier checks where it is called; gives its id.</summary>
    internal uint AddFunction(string name, uint prototype) => AddType(Identifier(name), BtfKind.Function, 0, prototype);

    internal byte[] Build()
    {
        var blob = new byte[BtfFormat.HeaderSize + _types.Count + _strings.Count];
        BinaryPrimitives.WriteUInt16LittleEndian(blob, BtfFormat.Magic);
        blob[2] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(4), BtfFormat.HeaderSize);
        BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(12), (uint)_types.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(16), (uint)_types.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(20), (uint)_strings.Count);
        _types.CopyTo(blob, BtfFormat.HeaderSize);
        _strings.CopyTo(blob, BtfFormat.HeaderSize + (int)_types.Count);
        return blob;
    }

    private uint AddInteger(string name, uint size, bool signed)
    {
        var id = AddType(name, BtfKind.Integer, 0, size);
        Word((signed ? 1u << 24 : 0) | (size * 8));
        return id;
    }

    private uint AddType(string name, BtfKind kind, uint members, uint sizeOrType)
    {
        Word(name.Length == 0 ? 0 : AddString(name));
        Word(((uint)kind << 24) | members);
        Word(sizeOrType);
        return ++_count;
    }

    private uint AddString(string text)
    {
        var offset = (uint)_strings.Count;
        _strings.AddRange(Encoding.ASCII.GetBytes(text));
        _strings.Add(0);
        return offset;
    }

    private void Word(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _types.AddRange(bytes);
    }

    // The kernel takes C identifiers of at most 127 characters as names of functions.
    private static string Identifier(string name)
    {
        var text = string.Concat(name.Take(127).Select(static c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        return text.Length == 0 || char.IsAsciiDigit(text[0]) ? "_" + text[..Math.Min(text.Length, 126)] : text;
    }
}
