using System.Collections.Immutable;
using System.Globalization;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Usdt;

/// <summary>
/// Reads the argument string of a note: for each argument <c>SIZE@OPERAND</c>, the size in bytes and negative for a signed number, the operand as the machine's assembler has it. What is not
/// understood makes its own argument unsupported, and leaves the others alone.
/// </summary>
internal static class UsdtArgumentParser
{
    /// <summary>sdt.h has macros for 12 arguments; more than this are not read.</summary>
    private const int MaxArguments = 64;

    private const int MaxText = 256;

    /// <param name="text">The note's string.</param>
    /// <param name="machine">e_machine.</param>
    internal static ImmutableArray<UsdtArgument> Parse(string text, ushort machine)
    {
        var arguments = ImmutableArray.CreateBuilder<UsdtArgument>();
        var rest = text.AsSpan().Trim(' ');
        while (!rest.IsEmpty && arguments.Count < MaxArguments)
        {
            var length = Length(rest);
            arguments.Add(ParseOne(rest[..length].ToString(), machine));
            rest = rest[length..].TrimStart(' ');
        }

        return arguments.ToImmutable();
    }

    /// <summary>Up to a blank outside of brackets: arm64 writes <c>[sp, 60]</c>.</summary>
    private static int Length(ReadOnlySpan<char> text)
    {
        var depth = 0;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '[' or '(':
                    depth++;
                    break;
                case ']' or ')':
                    depth--;
                    break;
                case ' ' when depth <= 0:
                    return i;
            }
        }

        return text.Length;
    }

    private static UsdtArgument ParseOne(string text, ushort machine)
    {
        if (text.Length > MaxText)
        {
            return Unsupported(text[..MaxText] + "…", "its description is too long");
        }

        var at = text.IndexOf('@', StringComparison.Ordinal);
        var size = 0;
        if (at >= 0 && !int.TryParse(text.AsSpan(0, at), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out size))
        {
            return Unsupported(text, text.AsSpan(0, at).EndsWith("f", StringComparison.Ordinal) ? "it is a floating-point number" : "its size is not a number");
        }

        if (at >= 0 && size is not (1 or 2 or 4 or 8 or -1 or -2 or -4 or -8))
        {
            return Unsupported(text, "its size is none of 1, 2, 4 and 8 bytes");
        }

        var operand = text.AsSpan(at + 1).Trim(' ').ToString();
        var parsed = machine switch
        {
            ElfConstants.MachineX64 => UsdtX64Operand.Parse(operand),
            ElfConstants.MachineArm64 => UsdtArm64Operand.Parse(operand),
            _ => Unsupported(operand, "its machine is not known"),
        };

        // Without a size, a register says by its name how large it is.
        var bytes = size != 0 ? Math.Abs(size) : parsed.Operand == UsdtOperand.Register ? parsed.Register!.Size : 8;
        return parsed.Operand == UsdtOperand.Unsupported ? parsed with { Text = text }
            : parsed.Operand == UsdtOperand.Register && parsed.Register!.Shift != 0 && bytes != 1 ? Unsupported(text, "it claims more bytes than its register has")
            : parsed with { Text = text, Size = bytes, IsSigned = size < 0 };
    }

    internal static UsdtArgument Unsupported(string text, string problem) => new(text, 8, false, UsdtOperand.Unsupported) { Problem = problem };

    internal static UsdtArgument Constant(long value) => new("", 8, false, UsdtOperand.Constant) { Value = value };

    internal static UsdtArgument InRegister(UsdtRegister register) => new("", 8, false, UsdtOperand.Register) { Register = register };

    internal static UsdtArgument InMemory(UsdtRegister register, long displacement, UsdtRegister? index = null, int scale = 1) =>
        new("", 8, false, UsdtOperand.Memory) { Register = register, Value = displacement, Index = index, Scale = scale };

    /// <summary>A decimal or hexadecimal number with or without a sign, or a sum of such: compilers write <c>-8+4(%rbp)</c>.</summary>
    internal static bool TryParseNumber(ReadOnlySpan<char> text, out long value)
    {
        value = 0;
        if (text.IsEmpty)
        {
            return false;
        }

        while (!text.IsEmpty)
        {
            var negative = text[0] == '-';
            text = text[0] is '-' or '+' ? text[1..] : text;
            var end = text.IndexOfAny('+', '-');
            var term = end < 0 ? text : text[..end];
            text = end < 0 ? [] : text[end..];
            if (term.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                ? !ulong.TryParse(term[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
                : !ulong.TryParse(term, NumberStyles.None, CultureInfo.InvariantCulture, out number))
            {
                return false;
            }

            value = unchecked(value + (negative ? -(long)number : (long)number));
        }

        return true;
    }
}
