using System.Globalization;
using StackDepth.Native.Elf;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

/// <summary>Assembles small libraries with call-frame information of our own, and says in words which rules their tables have.</summary>
internal static class CfiTarget
{
    /// <summary>Links assembly without the compiler's own start files.</summary>
    internal static string Assemble(CompiledTargets targets, string name, string text, params string[] arguments)
    {
        CompiledTargets.Require("gcc");
        var output = targets.PathOf(name);
        File.WriteAllText(output + ".s", text + "\n.section .note.GNU-stack,\"\",@progbits\n");
        CompiledTargets.Run("gcc", ["-nostdlib", "-shared", "-o", output, output + ".s", .. arguments]);
        return output;
    }

    /// <summary>A function f of one-byte instructions, with directives between them.</summary>
    internal static string Function(string body, string start = ".cfi_startproc") =>
        $".text\n.globl f\n.type f, @function\nf:\n{start}\n{body.Replace(';', '\n')}\n.cfi_endproc\n.size f, .-f\n";

    internal static ulong OffsetOf(string path, string symbol) => FunctionOf(path, symbol).Start;

    /// <summary>The file offset of a function, and its size.</summary>
    internal static (ulong Start, ulong Size) FunctionOf(string path, string symbol)
    {
        using var image = ElfImage.Open(path);
        var symbols = (image.Symbols.Count > 0 ? image.Symbols : image.DynamicSymbols).Functions();
        while (symbols.MoveNext())
        {
            if (symbols.Name.SequenceEqual(System.Text.Encoding.UTF8.GetBytes(symbol)))
            {
                Assert.True(image.TryGetCodeOffset(symbols.Symbol.Value, out var offset));
                return (offset, symbols.Symbol.Size);
            }
        }

        throw new InvalidOperationException(symbol);
    }

    /// <summary>The rules of the bytes from f on.</summary>
    internal static string[] Rules(string path, int count)
    {
        var table = UnwindTables.Load(path).Table;
        var start = OffsetOf(path, "f");
        return [.. Enumerable.Range(0, count).Select(i => Describe(table.Find(start + (ulong)i)))];
    }

    internal static string Describe(UnwindRule rule)
    {
        var cfa = rule.Cfa switch
        {
            CfaKind.StackPointer => $"rsp{Signed(rule.CfaOffset)}",
            CfaKind.BasePointer => $"rbp{Signed(rule.CfaOffset)}",
            CfaKind.Rbx or CfaKind.R10 or CfaKind.R13 => $"{rule.Cfa.ToString().ToLowerInvariant()}{Signed(rule.CfaOffset)}",
            CfaKind.AtBasePointer => $"*(rbp{Signed(rule.CfaOffset)})",
            CfaKind.ProcedureLinkage => $"plt {rule.CfaOffset}",
            _ => rule.Cfa.ToString(),
        };
        return cfa + rule.BasePointer switch
        {
            BasePointerKind.Same => string.Empty,
            BasePointerKind.AtCfa => $" rbp@c{Signed(rule.BasePointerOffset * 8)}",
            BasePointerKind.Undefined => " rbp lost",
            _ => " rbp@*rbp",
        };
    }

    private static string Signed(int value) => value.ToString("+0;-0;+0", CultureInfo.InvariantCulture);
}
