using System.Globalization;

namespace StackDepth.Native.Usdt;

/// <summary>arm64's operands: <c>5</c>, <c>x0</c>, <c>w0</c>, <c>[sp, 60]</c>, <c>[x1, x2, lsl 3]</c>.</summary>
internal static class UsdtArm64Operand
{
    internal static UsdtArgument Parse(string text)
    {
        if (UsdtRegisters.Arm64(text) is { } register)
        {
            return UsdtArgumentParser.InRegister(register);
        }

        if (!text.StartsWith('['))
        {
            return UsdtArgumentParser.TryParseNumber(Number(text), out var constant)
                ? UsdtArgumentParser.Constant(constant)
                : UsdtArgumentParser.Unsupported(text, "it is neither a number nor a register that the kernel gives");
        }

        // "]!" would change the register.
        return text.EndsWith(']') && Memory([.. text[1..^1].Split(',').Select(static part => part.Trim())]) is { } memory
            ? memory
            : UsdtArgumentParser.Unsupported(text, "its address is not of a 64-bit base, a displacement or an index");
    }

    private static UsdtArgument? Memory(string[] parts)
    {
        if (UsdtRegisters.Arm64(parts[0]) is not { Size: 8 } register)
        {
            return null;
        }

        switch (parts.Length)
        {
            case 1:
                return UsdtArgumentParser.InMemory(register, 0);
            case 2 when UsdtArgumentParser.TryParseNumber(Number(parts[1]), out var displacement):
                return UsdtArgumentParser.InMemory(register, displacement);
            case 2 or 3 when UsdtRegisters.Arm64(parts[1]) is { Size: 8, Name: not "sp" } index:
                var shift = 0;
                var scaled = parts.Length == 2
                    || (parts[2].StartsWith("lsl ", StringComparison.Ordinal) && int.TryParse(Number(parts[2][4..].Trim()), NumberStyles.None, CultureInfo.InvariantCulture, out shift) && shift <= 4);
                return scaled ? UsdtArgumentParser.InMemory(register, 0, index, 1 << shift) : null;
            default:
                return null;
        }
    }

    private static ReadOnlySpan<char> Number(string text) => text.AsSpan().TrimStart('#');
}
