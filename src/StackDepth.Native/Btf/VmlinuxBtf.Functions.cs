using System.Collections.Immutable;
using System.Text;

namespace StackDepth.Native.Btf;

/// <content>The functions that the kernel describes.</content>
internal sealed unsafe partial class VmlinuxBtf
{
    /// <summary>More than any function has; the count of a type is 16 bits.</summary>
    private const int MaxParameters = 64;

    private const int MaxTypeText = 256;

    /// <summary>Gets a function's name and id.</summary>
    internal delegate void FunctionVisitor(ReadOnlySpan<byte> name, int id);

    /// <summary>Visits all functions.</summary>
    internal void VisitFunctions(FunctionVisitor visit)
    {
        for (var id = 1; id < _positions.Count; id++)
        {
            if (Kind(_positions[id]) == BtfKind.Function)
            {
                visit(Name(_positions[id]), id);
            }
        }

        GC.KeepAlive(_owner);
    }

    /// <summary>The functions of these names, in one pass; what is not described is not in the answer.</summary>
    internal Dictionary<string, KernelFunctionSignature> FindSignatures(IEnumerable<string> names)
    {
        var found = new Dictionary<string, KernelFunctionSignature>(StringComparer.Ordinal);
        var wanted = new HashSet<string>(names, StringComparer.Ordinal);
        var lookup = wanted.GetAlternateLookup<ReadOnlySpan<char>>();
        var text = new char[MaxTypeText];
        VisitFunctions((name, id) =>
        {
            if (name.Length < text.Length && Encoding.UTF8.TryGetChars(name, text, out var length) && lookup.Contains(text.AsSpan(0, length)) && FindSignature(id) is { } signature)
            {
                found.TryAdd(signature.Name, signature);
            }
        });
        return found;
    }

    /// <summary>The function of a name; null where the kernel does not describe one.</summary>
    internal KernelFunctionSignature? FindSignature(string name) => FindFunction(name) is { } id ? FindSignature(id) : null;

    /// <summary>A function by its id; null where that is none, or its description cannot be followed.</summary>
    internal KernelFunctionSignature? FindSignature(int id)
    {
        if (id <= 0 || id >= _positions.Count || Kind(_positions[id]) != BtfKind.Function
            || Word(_positions[id] + 8) is var prototype && (prototype >= (uint)_positions.Count || Kind(_positions[(int)prototype]) != BtfKind.FunctionPrototype))
        {
            return null;
        }

        var at = _positions[(int)prototype];
        var count = Members(at);
        if (count > MaxParameters || at + BtfFormat.TypeSize + (long)count * 8 > _typesEnd)
        {
            return null;
        }

        var parameters = ImmutableArray.CreateBuilder<KernelValue>(count);
        var isVariadic = false;
        for (var i = 0; i < count; i++)
        {
            // A last parameter of type void stands for "...".
            var parameter = at + BtfFormat.TypeSize + i * 8;
            isVariadic = i == count - 1 && Word(parameter + 4) == 0;
            if (!isVariadic)
            {
                parameters.Add(Value(Word(parameter + 4), Encoding.UTF8.GetString(Name(parameter))));
            }
        }

        var result = Word(at + 8);
        var signature = new KernelFunctionSignature(
            Encoding.UTF8.GetString(Name(_positions[id])), id, parameters.ToImmutable(), Bare(result) == 0 ? null : Value(result, ""), isVariadic);
        GC.KeepAlive(_owner);
        return signature;
    }

    private KernelValue Value(uint id, string name)
    {
        var at = Bare(id) is > 0 and var bare && bare < (uint)_positions.Count ? _positions[(int)bare] : 0;
        var (size, kind) = at == 0 ? (0, KernelValueKind.Other) : Kind(at) switch
        {
            BtfKind.Integer when at + BtfFormat.TypeSize + 4 <= _typesEnd => (Word(at + 8), (Word(at + BtfFormat.TypeSize) >> 24 & 0xf) switch
            {
                // BTF_INT_SIGNED and BTF_INT_BOOL.
                1 => KernelValueKind.Signed,
                4 => KernelValueKind.Boolean,
                _ => KernelValueKind.Unsigned,
            }),
            BtfKind.Pointer => (8u, KernelValueKind.Pointer),
            BtfKind.Enum or BtfKind.Enum64 => (Word(at + 8), IsSignedEnum(at) ? KernelValueKind.Signed : KernelValueKind.Unsigned),
            BtfKind.Array when at + BtfFormat.TypeSize + 12 <= _typesEnd && TypeText(Word(at + BtfFormat.TypeSize)) == "char" => (Word(at + BtfFormat.TypeSize + 8), KernelValueKind.Text),
            BtfKind.Struct or BtfKind.Union => (Word(at + 8), KernelValueKind.Aggregate),
            _ => (Kind(at) == BtfKind.Float ? Word(at + 8) : 0, KernelValueKind.Other),
        };
        return new(name, TypeText(id), (int)Math.Min(size, int.MaxValue), kind) { TypeId = (int)id };
    }

    /// <summary>kind_flag, which older kernels leave out: their enums are as C has them, unsigned unless a value is negative.</summary>
    private bool IsSignedEnum(int at)
    {
        if (Word(at + 4) >> 31 != 0)
        {
            return true;
        }

        var step = Kind(at) == BtfKind.Enum ? 8 : 12;
        for (var i = 0; i < Members(at); i++)
        {
            var value = at + BtfFormat.TypeSize + (long)i * step + step - 4;
            if (value + 4 > _typesEnd || (int)Word((int)value) < 0)
            {
                return value + 4 <= _typesEnd;
            }
        }

        return false;
    }

    /// <summary>The id of the type behind names and qualifiers; 0 for void and for what cannot be followed.</summary>
    private uint Bare(uint id)
    {
        for (var hops = 0; hops < MaxNesting && id > 0 && id < (uint)_positions.Count; hops++)
        {
            var at = _positions[(int)id];
            if (Kind(at) is not (BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag or BtfKind.Typedef))
            {
                return id;
            }

            id = Word(at + 8);
        }

        return 0;
    }

    private string TypeText(uint id)
    {
        var suffix = "";
        for (var hops = 0; hops < MaxNesting && id < (uint)_positions.Count; hops++)
        {
            if (id == 0)
            {
                return $"void{suffix}";
            }

            var at = _positions[(int)id];
            var name = Encoding.UTF8.GetString(Name(at));
            switch (Kind(at))
            {
                case BtfKind.Pointer:
                    suffix = suffix.Length == 0 ? " *" : $" *{suffix.TrimStart()}";
                    id = Word(at + 8);
                    break;
                case BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag:
                    id = Word(at + 8);
                    break;
                case BtfKind.Array when at + BtfFormat.TypeSize + 12 <= _typesEnd:
                    suffix = $"{suffix}[{Word(at + BtfFormat.TypeSize + 8)}]";
                    id = Word(at + BtfFormat.TypeSize);
                    break;
                case BtfKind.Struct:
                    return $"struct {name}{suffix}";
                case BtfKind.Union:
                    return $"union {name}{suffix}";
                case BtfKind.Enum or BtfKind.Enum64:
                    return $"enum {name}{suffix}";
                case BtfKind.Forward:
                    return $"{(Word(at + 4) >> 31 != 0 ? "union" : "struct")} {name}{suffix}";
                case BtfKind.FunctionPrototype:
                    return $"function{suffix}";
                default:
                    return $"{(name.Length == 0 ? "?" : name)}{suffix}";
            }
        }

        return $"?{suffix}";
    }

    private ReadOnlySpan<byte> Name(int at)
    {
        var start = _strings + (long)Word(at);
        if (start < _strings || start >= _stringsEnd)
        {
            return [];
        }

        var rest = new ReadOnlySpan<byte>(_start + start, (int)(_stringsEnd - start));
        var end = rest.IndexOf((byte)0);
        return end < 0 ? [] : rest[..Math.Min(end, MaxTypeText)];
    }
}
