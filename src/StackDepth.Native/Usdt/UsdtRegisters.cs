using System.Collections.Frozen;
using System.Globalization;

namespace StackDepth.Native.Usdt;

/// <summary>The registers by their assembler names, without the percent sign.</summary>
internal static class UsdtRegisters
{
    private const int Arm64StackPointer = 31;

    // The order of x86's struct pt_regs (arch/x86/include/asm/ptrace.h); orig_ax, cs, flags and ss have no name in an argument.
    private static readonly string[] s_x64Order =
        ["r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di", "", "ip", "", "", "sp"];

    private static readonly FrozenDictionary<string, UsdtRegister> s_x64 = X64Names().ToFrozenDictionary(static register => register.Name, StringComparer.Ordinal);

    internal static UsdtRegister? X64(string name) => s_x64.GetValueOrDefault(name);

    /// <summary><c>x0</c> to <c>x30</c>, <c>w0</c> to <c>w30</c>, <c>sp</c>.</summary>
    internal static UsdtRegister? Arm64(string name) =>
        name == "sp" ? new UsdtRegister(name, Arm64StackPointer * 8, 8)
        : name is ['x' or 'w', _] or ['x' or 'w', not '0', _] && int.TryParse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < Arm64StackPointer
            ? new UsdtRegister(name, number * 8, name[0] == 'x' ? 8 : 4)
            : null;

    private static IEnumerable<UsdtRegister> X64Names()
    {
        for (var i = 0; i < s_x64Order.Length; i++)
        {
            var name = s_x64Order[i];
            var at = i * 8;
            if (name.Length == 0)
            {
                continue;
            }

            if (char.IsAsciiDigit(name[1]))
            {
                yield return new(name, at, 8);
                yield return new(name + "d", at, 4);
                yield return new(name + "w", at, 2);
                yield return new(name + "b", at, 1);
                continue;
            }

            yield return new("r" + name, at, 8);
            yield return new("e" + name, at, 4);
            yield return new(name, at, 2);
            if (name[1] == 'x')
            {
                yield return new(name[..1] + "l", at, 1);
                yield return new(name[..1] + "h", at, 1, Shift: 8);
            }
            else if (name != "ip")
            {
                yield return new(name + "l", at, 1);
            }
        }
    }
}
