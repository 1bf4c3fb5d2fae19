using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>
/// One table in a file: a header, then what the header counts. Everything in it is checked before it is used: a file may be cut off, spoiled, or made by somebody else.
/// </summary>
internal static class UnwindCacheFile
{
    /// <summary>To be raised with every change to the parser's results or to this format.</summary>
    internal const uint Version = 3;

    internal const string Extension = ".unwind";

    private const ulong Magic = 0x444e_4957_4e55_4453; // SDUNWIND
    private const uint FlagDamaged = 1;

    /// <summary>Reads a table of <paramref name="source"/>.</summary>
    /// <returns>Null, and what is wrong with the file; nothing is where another process has just deleted it.</returns>
    internal static UnwindTable? Read(string path, byte[] key, UnwindSource source, out string? problem)
    {
        problem = null;
        try
        {
            using var reader = ElfReader.Open(path, path);
            var header = default(Header);
            if (reader.Length < (ulong)Unsafe.SizeOf<Header>())
            {
                problem = "is cut off.";
                return null;
            }

            reader.Fill(0, MemoryMarshal.AsBytes(new Span<Header>(ref header)), "header");
            if (header.Magic != Magic || header.Version != Version || !MemoryMarshal.AsBytes(new ReadOnlySpan<Hash>(in header.Key)).SequenceEqual(key))
            {
                problem = "is not a table of this version and file.";
                return null;
            }

            if (!header.HasSaneCounts(source.Text) || header.FileLength != reader.Length)
            {
                problem = "has counts that do not fit the file.";
                return null;
            }

            var at = (ulong)Unsafe.SizeOf<Header>();
            var unsupported = Next<int>(reader, ref at, UnwindReport.Reasons);
            var rules = Next<UnwindRule>(reader, ref at, (int)header.Rules);
            var starts = Next<uint>(reader, ref at, (int)header.Pages + 1);
            var rows = Next<uint>(reader, ref at, (int)header.Rows);
            var checksum = Checksum(header, unsupported, rules, starts, rows);
            if (!checksum.Equals(header.Checksum))
            {
                problem = "is spoiled: its checksum is wrong.";
                return null;
            }

            if (!AreValid(rules) || !AreValid(starts, rows, header.Rules))
            {
                problem = "has rows or rules that no table has.";
                return null;
            }

            return new UnwindTable
            {
                Rules = rules,
                FirstPage = header.FirstPage,
                PageStarts = starts,
                Rows = rows,
                Plain = new(header.PlainStart, header.PlainLength),
                BuildId = source.BuildId,
                Report = new((int)header.Fdes, (int)header.SkippedFdes, rows.Length, (header.Flags & FlagDamaged) != 0, unsupported),
            };
        }
        catch (ElfException error)
        {
            problem = error.Message;
            return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Writes a file of a table.</summary>
    internal static void Write(Stream stream, byte[] key, UnwindTable table)
    {
        var unsupported = table.Report.Unsupported.ToArray();
        var header = new Header
        {
            Magic = Magic,
            Version = Version,
            Flags = table.Report.IsDamaged ? FlagDamaged : 0,
            Key = MemoryMarshal.Read<Hash>(key),
            Rules = (uint)table.Rules.Length,
            FirstPage = table.FirstPage,
            Pages = (uint)table.PageCount,
            Rows = (uint)table.Rows.Length,
            Fdes = (uint)table.Report.Fdes,
            SkippedFdes = (uint)table.Report.SkippedFdes,
            PlainStart = table.Plain.Start,
            PlainLength = table.Plain.Length,
        };
        header.Checksum = Checksum(header, unsupported, table.Rules, table.PageStarts, table.Rows);
        stream.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<Header>(in header)));
        stream.Write(MemoryMarshal.AsBytes<int>(unsupported));
        stream.Write(MemoryMarshal.AsBytes<UnwindRule>(table.Rules));
        stream.Write(MemoryMarshal.AsBytes<uint>(table.PageStarts));
        stream.Write(MemoryMarshal.AsBytes<uint>(table.Rows));
    }

    private static T[] Next<T>(ElfReader reader, ref ulong at, int count)
        where T : unmanaged
    {
        // The lengths were checked against that of the file. Not ReadRecords, which the JIT compiler would have to compile for each type: that is most of the time here.
        var records = GC.AllocateUninitializedArray<T>(count);
        reader.Fill(at, MemoryMarshal.AsBytes(records.AsSpan()), "content");
        at += (ulong)count * (ulong)Unsafe.SizeOf<T>();
        return records;
    }

    private static Hash Checksum(Header header, int[] unsupported, UnwindRule[] rules, uint[] starts, uint[] rows)
    {
        header.Checksum = default;
        var hash = new Blake2b();
        hash.Append(MemoryMarshal.AsBytes(new ReadOnlySpan<Header>(in header)));
        hash.Append(MemoryMarshal.AsBytes<int>(unsupported));
        hash.Append(MemoryMarshal.AsBytes<UnwindRule>(rules));
        hash.Append(MemoryMarshal.AsBytes<uint>(starts));
        hash.Append(MemoryMarshal.AsBytes<uint>(rows));
        var result = default(Hash);
        hash.Finish(MemoryMarshal.AsBytes(new Span<Hash>(ref result)));
        return result;
    }

    private static bool AreValid(UnwindRule[] rules)
    {
        foreach (var rule in rules)
        {
            if (!rule.IsValid)
            {
                return false;
            }
        }

        return rules[0] == default;
    }

    private static bool AreValid(uint[] starts, uint[] rows, uint rules)
    {
        if (starts[0] != 0 || starts[^1] != (uint)rows.Length)
        {
            return false;
        }

        for (var page = 0; page + 1 < starts.Length; page++)
        {
            var (start, end) = (starts[page], starts[page + 1]);
            if (end <= start || end > (uint)rows.Length || UnwindTable.OffsetOf(rows[start]) != 0)
            {
                return false;
            }

            var before = -1;
            for (var row = start; row < end; row++)
            {
                var offset = (int)UnwindTable.OffsetOf(rows[row]);
                if (offset <= before || UnwindTable.RuleOf(rows[row]) >= rules)
                {
                    return false;
                }

                before = offset;
            }
        }

        return true;
    }

    [InlineArray(Blake2b.HashSize / sizeof(ulong))]
    private struct Hash
    {
        private ulong _first;

        internal readonly bool Equals(in Hash other) => ((ReadOnlySpan<ulong>)this).SequenceEqual(other);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        internal ulong Magic;
        internal uint Version;
        internal uint Flags;
        internal Hash Key;
        internal uint Rules;
        internal uint FirstPage;
        internal uint Pages;
        internal uint Rows;
        internal uint Fdes;
        internal uint SkippedFdes;
        internal uint PlainStart;
        internal uint PlainLength;
        internal Hash Checksum;

        internal readonly ulong FileLength => (ulong)Unsafe.SizeOf<Header>() + ((ulong)UnwindReport.Reasons * sizeof(int))
            + ((ulong)Rules * (ulong)Unsafe.SizeOf<UnwindRule>()) + (((ulong)Pages + 1 + Rows) * sizeof(uint));

        internal readonly bool HasSaneCounts(TextMap text) =>
            Rules is >= 1 and <= UnwindTable.MaxRules && FirstPage == text.FirstPage && Pages == (uint)text.PageCount
            && Rows >= Pages && Rows <= (ulong)Pages << UnwindTable.PageBits && Fdes <= int.MaxValue && SkippedFdes <= int.MaxValue;
    }
}
