using System.Globalization;

namespace StackDepth.Native.Usdt;

/// <summary>x86-64's operands in the AT&amp;T syntax: <c>$5</c>, <c>%rax</c>, <c>-20(%rbp)</c>, <c>8(%rdx,%rax,4)</c>.</summary>
internal static class UsdtX64Operand
{
    internal static UsdtArgument Parse(string text)
    {
        if (text.StartsWith('$'))
        {
            return UsdtArgumentParser.TryParseNumber(text.AsSpan(1), out var constant)
                ? UsdtArgumentParser.Constant(constant)
                : UsdtArgumentParser.Unsupported(text, "its constant is not a number");
        }

        var open = text.IndexOf('(', StringComparison.Ordinal);
        if (open < 0)
        {
            return text.Contains(':', StringComparison.Ordinal) ? UsdtArgumentParser.Unsupported(text, "it is relative to a segment register")
                : !text.StartsWith('%') ? UsdtArgumentParser.Unsupported(text, "it is at a fixed address")
                : UsdtRegisters.X64(text[1..]) is not { } register ? UsdtArgumentParser.Unsupported(text, "its register is not one of those that the kernel gives")
                : UsdtArgumentParser.InRegister(register);
        }

        var displacement = 0L;
        if (!text.EndsWith(')') || (open > 0 && !UsdtArgumentParser.TryParseNumber(text.AsSpan(0, open), out displacement)))
        {
            return UsdtArgumentParser.Unsupported(
                text, text.EndsWith("(%rip)", StringComparison.Ordinal) ? "it is a variable known by a symbol" : "its displacement is not a number");
        }

        return Memory(text, text[(open + 1)..^1].Split(','), displacement);
    }

    private static UsdtArgument Memory(string text, string[] parts, long displacement)
    {
        if (parts.Length is 1 or 2 or 3 && Address(parts[0]) is { } register)
        {
            if (parts.Length == 1)
            {
                return UsdtArgumentParser.InMemory(register, displacement);
            }

            var scale = 1;
            if (Address(parts[1]) is { } index && index.Name != "rsp"
                && (parts.Length == 2 || int.TryParse(parts[2].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out scale)) && scale is 1 or 2 or 4 or 8)
            {
                return UsdtArgumentParser.InMemory(register, displacement, index, scale);
            }
        }

        return UsdtArgumentParser.Unsupported(text, "its address is not of a 64-bit base, an index and a scale");
    }

    private static UsdtRegister? Address(string text) => text.Trim() is ['%', .. var name] && UsdtRegisters.X64(name) is { Size: 8, Name: not "rip" } register ? register : null;
}
