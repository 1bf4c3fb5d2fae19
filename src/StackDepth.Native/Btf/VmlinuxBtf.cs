using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Btf;

/// <summary>
/// The kernel's own types, as it describes them in /sys/kernel/btf/vmlinux: where the fields of its structs are. Every access is checked against the blob's
/// bounds, and a blob that is not BTF answers nothing.
/// </summary>
internal sealed unsafe partial class VmlinuxBtf
{
    internal const string DefaultPath = "/sys/kernel/btf/vmlinux";

    /// <summary>Far more than any kernel has (some 6 MB); a longer file is not read.</summary>
    private const int MaxSize = 256 * 1024 * 1024;
    private const int MaxNesting = 16;

    /// <summary>How many members one question may look at: members of types that contain themselves could multiply for ever.</summary>
    private const int MaxMembers = 100_000;

    /// <summary>Keeps the bytes at <see cref="_start"/> where they are.</summary>
    private readonly object _owner;
    private readonly byte* _start;
    private readonly int _typesEnd;
    private readonly int _strings;
    private readonly int _stringsEnd;

    /// <summary>The position of each type by its id; id 0 is void.</summary>
    private readonly List<int> _positions = [0];

    private VmlinuxBtf(object owner, byte* start, int types, int typesEnd, int strings, int stringsEnd)
    {
        _owner = owner;
        _start = start;
        _typesEnd = typesEnd;
        _strings = strings;
        _stringsEnd = stringsEnd;
        _positions.EnsureCapacity((typesEnd - types) / 32);
        for (var at = types; at <= typesEnd - BtfFormat.TypeSize;)
        {
            _positions.Add(at);

            // Types have no length of their own: behind a kind that is unknown, nothing can be read.
            if (BtfFormat.Trailer(Kind(at), Members(at)) is not { } trailer || trailer > typesEnd - at - BtfFormat.TypeSize)
            {
                break;
            }

            at += BtfFormat.TypeSize + trailer;
        }

        GC.KeepAlive(owner);
    }

    /// <summary>The number of types read, void included.</summary>
    internal int TypeCount => _positions.Count;

    /// <summary>Reads a file of BTF; null where there is none or it may not be read.</summary>
    /// <exception cref="InvalidDataException">The file is not BTF.</exception>
    internal static VmlinuxBtf? TryRead(string path = DefaultPath, SystemCalls? sys = null)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var length = RandomAccess.GetLength(file);
            if (length > MaxSize)
            {
                throw new InvalidDataException($"{path} has {length} bytes, which no kernel's BTF has.");
            }

            // Linux 6.16 can map it. Reading takes a system call for each 4 KiB page, thousands of them.
            if (path == DefaultPath && BtfMapping.TryMap(file, (int)length, sys ?? SystemCalls.Real) is { } mapping)
            {
                return Parse(mapping, mapping.Start, (int)length);
            }

            var blob = GC.AllocateUninitializedArray<byte>((int)length, pinned: true);
            int read = 0, n;
            while (read < blob.Length && (n = RandomAccess.Read(file, blob.AsSpan(read), read)) > 0)
            {
                read += n;
            }

            return Parse(blob, Address(blob), read);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <exception cref="InvalidDataException">The bytes are not little-endian BTF of version 1.</exception>
    internal static VmlinuxBtf Parse(byte[] blob)
    {
        var pinned = GC.AllocateUninitializedArray<byte>(blob.Length, pinned: true);
        blob.CopyTo(pinned, 0);
        return Parse(pinned, Address(pinned), pinned.Length);
    }

    private static VmlinuxBtf Parse(object owner, byte* start, int length)
    {
        ReadOnlySpan<byte> blob = new(start, length);
        if (length < BtfFormat.HeaderSize || BinaryPrimitives.ReadUInt16LittleEndian(blob) != BtfFormat.Magic || blob[2] != 1)
        {
            throw new InvalidDataException("The bytes are not BTF of version 1 in this machine's byte order.");
        }

        ulong header = BinaryPrimitives.ReadUInt32LittleEndian(blob[4..]);
        var types = header + BinaryPrimitives.ReadUInt32LittleEndian(blob[8..]);
        var typesEnd = types + BinaryPrimitives.ReadUInt32LittleEndian(blob[12..]);
        var strings = header + BinaryPrimitives.ReadUInt32LittleEndian(blob[16..]);
        var stringsEnd = strings + BinaryPrimitives.ReadUInt32LittleEndian(blob[20..]);
        return typesEnd <= (ulong)length && stringsEnd <= (ulong)length
            ? new VmlinuxBtf(owner, start, (int)types, (int)typesEnd, (int)strings, (int)stringsEnd)
            : throw new InvalidDataException("The sections of the BTF do not lie within it.");
    }

    private static byte* Address(byte[] pinned) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));

    /// <summary>
    /// The offset of a struct's field in bytes, also where the field is in an anonymous struct or union within. False where struct or field are not there, or
    /// the field is a bit field.
    /// </summary>
    internal bool TryGetFieldOffset(string structName, string field, out int byteOffset)
    {
        var found = FindField(structName, field, out byteOffset);
        GC.KeepAlive(_owner);
        return found;
    }

    /// <summary>The structs of these names, in one pass over the types: by name, the number to give to <see cref="TryGetFieldOffset(int, string, out int)"/>.</summary>
    internal Dictionary<string, int> FindStructs(ReadOnlySpan<string> names)
    {
        var wanted = new byte[names.Length][];
        for (var i = 0; i < names.Length; i++)
            wanted[i] = Encoding.UTF8.GetBytes(names[i]);
        var found = new Dictionary<string, int>(names.Length, StringComparer.Ordinal);
        for (var id = 1; id < _positions.Count && found.Count < names.Length; id++)
        {
            var at = _positions[id];
            if (Kind(at) != BtfKind.Struct)
                continue;
            for (var i = 0; i < wanted.Length; i++)
            {
                if (NameIs(at, wanted[i]))
                    found.TryAdd(names[i], at);
            }
        }

        GC.KeepAlive(_owner);
        return found;
    }

    /// <summary>The id of a kernel function of a name; null where the kernel does not describe one.</summary>
    internal int? FindFunction(string name)
    {
        var wanted = Encoding.UTF8.GetBytes(name);
        for (var id = 1; id < _positions.Count; id++)
        {
            if (Kind(_positions[id]) == BtfKind.Function && NameIs(_positions[id], wanted))
            {
                GC.KeepAlive(_owner);
                return id;
            }
        }

        return null;
    }

    /// <summary>The offset in bytes of a field of a struct that <see cref="FindStructs"/> found; a path with dots leads through structs within.</summary>
    internal bool TryGetFieldOffset(int type, string path, out int byteOffset)
    {
        long bits = 0;
        var budget = MaxMembers;
        int? at = type;
        foreach (var name in path.Split('.'))
        {
            if (at is not { } aggregate || !Find(aggregate, Encoding.UTF8.GetBytes(name), 0, ref budget, out var within, out var fieldType))
            {
                byteOffset = 0;
                return false;
            }

            bits += within;
            at = Aggregate(fieldType);
        }

        GC.KeepAlive(_owner);
        byteOffset = (int)(bits / 8);
        return bits % 8 == 0 && bits / 8 <= int.MaxValue;
    }

    private bool FindField(string structName, string field, out int byteOffset)
    {
        byte[] structBytes = Encoding.UTF8.GetBytes(structName), fieldBytes = Encoding.UTF8.GetBytes(field);
        var budget = MaxMembers;
        for (var id = 1; id < _positions.Count; id++)
        {
            var at = _positions[id];
            if (Kind(at) == BtfKind.Struct && NameIs(at, structBytes) && Find(at, fieldBytes, 0, ref budget, out var bits, out _))
            {
                byteOffset = (int)(bits / 8);
                return bits % 8 == 0 && bits / 8 <= int.MaxValue;
            }
        }

        byteOffset = 0;
        return false;
    }

    private bool Find(int at, byte[] field, int nesting, ref int budget, out long bits, out uint type)
    {
        bits = 0;
        type = 0;
        var members = Members(at);
        if (nesting > MaxNesting || at + BtfFormat.TypeSize + (long)members * BtfFormat.MemberSize > _typesEnd)
        {
            return false;
        }

        // With kind_flag the upper 8 bits of a member's offset are the size of a bit field.
        var hasBitFields = Word(at + 4) >> 31 != 0;
        for (var i = 0; i < members && budget-- > 0; i++)
        {
            var member = at + BtfFormat.TypeSize + i * BtfFormat.MemberSize;
            var offset = Word(member + 8);
            if (NameIs(member, field))
            {
                bits = hasBitFields ? offset & 0xffffff : offset;
                type = Word(member + 4);
                return !hasBitFields || offset >> 24 == 0;
            }

            if (Word(member) == 0 && Aggregate(Word(member + 4)) is { } inner && Find(inner, field, nesting + 1, ref budget, out var within, out type))
            {
                bits = (hasBitFields ? offset & 0xffffff : offset) + within;
                return true;
            }
        }

        return false;
    }

    /// <summary>The struct or union behind modifiers; null for anything else.</summary>
    private int? Aggregate(uint id)
    {
        for (var hops = 0; hops < MaxNesting && id > 0 && id < (uint)_positions.Count; hops++)
        {
            var at = _positions[(int)id];
            switch (Kind(at))
            {
                case BtfKind.Struct or BtfKind.Union:
                    return at;
                case BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag or BtfKind.Typedef:
                    id = Word(at + 8);
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    private BtfKind Kind(int at) => (BtfKind)((Word(at + 4) >> 24) & 0x1f);

    private int Members(int at) => (int)(Word(at + 4) & 0xffff);

    // A type and a member both begin with the offset of their name.
    private bool NameIs(int at, byte[] name)
    {
        var offset = _strings + (long)Word(at);
        return name.Length > 0 && offset + name.Length < _stringsEnd
            && _start[offset + name.Length] == 0 && new ReadOnlySpan<byte>(_start + offset, name.Length).SequenceEqual(name);
    }

    // All callers have checked that the word lies before the end of the types, which lies within the blob.
    private uint Word(int at) => BitConverter.IsLittleEndian ? Unsafe.ReadUnaligned<uint>(_start + at) : BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(_start + at));
}
