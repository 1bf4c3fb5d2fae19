using System.Globalization;
using StackDepth.Native.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

/// <summary>Compares a table with what readelf says about the same file.</summary>
internal static class ReadelfCheck
{
    /// <summary>Checks the first and the last byte of each row that readelf has.</summary>
    /// <returns>The number of rows.</returns>
    internal static int Compare(string path, UnwindTable table)
    {
        var rows = 0;
        using var image = ElfImage.Open(path);
        foreach (var row in ReadelfFrames.Read(path))
        {
            if (row.End > row.Address && image.TryGetCodeOffset(row.Address, out var offset))
            {
                rows++;
                Check(path, table, row, offset);
                Check(path, table, row, offset + (row.End - row.Address) - 1);
            }
        }

        return rows;
    }

    private static void Check(string path, UnwindTable table, in ReadelfRow row, ulong offset)
    {
        var rule = table.Find(offset);
        if (!Fits(rule, row))
        {
            Assert.Fail($"{path}: at file offset 0x{offset:x} {rule}, where readelf has {row}");
        }
    }

    private static bool Fits(UnwindRule rule, in ReadelfRow row)
    {
        if (row.IsSignal)
        {
            return rule == new UnwindRule(row is { Cfa: "exp", BasePointer: "exp", ReturnAddress: "exp" } ? CfaKind.SignalFrame : CfaKind.Unsupported);
        }

        if (row.ReturnAddress == "u")
        {
            return rule == new UnwindRule(CfaKind.Outermost);
        }

        var isKnown = row.StackPointer == "u" && row.ReturnAddress == "c-8" && (row.Cfa == "exp" || row.Cfa[..3] is "rsp" or "rbp" or "rbx" or "r10" or "r13")
            && (row.BasePointer is "u" or "s" or "exp" || row.BasePointer[0] == 'c');
        if (!isKnown)
        {
            return rule == new UnwindRule(CfaKind.Unsupported);
        }

        if (rule.Cfa == CfaKind.Unsupported)
        {
            return row.Cfa == "exp" || row.BasePointer == "exp";
        }

        var fitsCfa = row.Cfa == "exp"
            ? rule.Cfa is CfaKind.ProcedureLinkage or CfaKind.AtBasePointer
            : rule.Cfa == Register(row.Cfa[..3]) && rule.CfaOffset == Number(row.Cfa[3..]);
        return fitsCfa && row.BasePointer switch
        {
            "u" or "s" => rule.BasePointer is BasePointerKind.Same or BasePointerKind.Undefined,
            "exp" => rule.BasePointer == BasePointerKind.AtBasePointer,
            _ => rule.BasePointer == BasePointerKind.AtCfa && rule.BasePointerOffset * 8 == Number(row.BasePointer[1..]),
        };
    }

    private static CfaKind Register(string name) => name switch
    {
        "rsp" => CfaKind.StackPointer,
        "rbp" => CfaKind.BasePointer,
        "rbx" => CfaKind.Rbx,
        "r10" => CfaKind.R10,
        "r13" => CfaKind.R13,
        _ => throw new InvalidOperationException(name),
    };

    private static int Number(string text) => int.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
