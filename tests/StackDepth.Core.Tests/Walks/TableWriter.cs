using System.Buffers.Binary;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>Writes files into the walker's maps, by the contract of <see cref="UnwindMaps"/> and not by the library's own writer.</summary>
internal sealed class TableWriter(Machine machine)
{
    private readonly Dictionary<UnwindRule, uint> _rules = [];
    private uint _word;
    private uint _rule = 2;

    /// <summary>Forgets all files; the words and rules are used again from <paramref name="word"/> on.</summary>
    internal void Restart(uint word)
    {
        machine[UnwindMaps.FilesName].Clear();
        _rules.Clear();
        (_word, _rule) = (word, 2);
        Put(0, new(CfaKind.None));
        Put(1, new(CfaKind.Unsupported));
        _rules.Add(new(CfaKind.None), 0);
    }

    internal void Add(CodeFile file)
    {
        var entry = UnwindFileEntry.Without(file.Flags);
        if (file.Flags == UnwindFileFlags.Ready)
            entry = Write(file);
        Span<byte> value = stackalloc byte[UnwindFileEntry.Size];
        Span<byte> key = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(key, file.Inode);
        BinaryPrimitives.WriteUInt64LittleEndian(key[8..], file.Device);
        foreach (var (index, field) in new[] { entry.IndexWord, entry.FirstPage, entry.PageCount, (uint)entry.Flags, entry.PlainStart, entry.PlainLength }.Index())
            BinaryPrimitives.WriteUInt32LittleEndian(value[(index * 4)..], field);
        Assert.Equal(0, machine[UnwindMaps.FilesName].Update(key, value, 0, 0));
    }

    private UnwindFileEntry Write(CodeFile file)
    {
        var (first, last) = (file.Rows[0].Offset >> 8, (file.Rows[^1].Offset - 1) >> 8);
        List<uint> index = [];
        for (var page = first; page <= last; page++)
        {
            List<uint> rows = [];
            UnwindRule? before = null;
            for (var at = 0u; at < 256; at++)
            {
                var rule = file.RuleAt((page << 8) + at);
                if (rule == before)
                    continue;
                rows.Add((at << 24) | Number(rule));
                before = rule;
            }
            // The rows of a page lie in one slot.
            if ((_word & 16383) + rows.Count > 16384)
                _word = (_word | 16383) + 1;
            index.Add((_word << 8) | (uint)(rows.Count - 1));
            rows.ForEach(Store);
        }
        var start = _word;
        index.ForEach(Store);
        return new(start, first, (uint)index.Count, UnwindFileFlags.Ready, file.Plain.Start, file.Plain.Length);
    }

    private uint Number(UnwindRule rule)
    {
        if (_rules.TryGetValue(rule, out var known))
            return known;
        Put(_rule, rule);
        _rules.Add(rule, _rule);
        return _rule++;
    }

    private void Store(uint word)
    {
        var tables = machine[UnwindMaps.TablesName];
        if (!tables.Inner.TryGetValue((int)(_word >> 14), out var chunk))
            chunk = machine.AddInner(UnwindMaps.TablesName, (int)(_word >> 14));
        BinaryPrimitives.WriteUInt32LittleEndian(chunk.First().Bytes.AsSpan((int)(_word & 16383) * 4), word);
        _word++;
    }

    private void Put(uint number, UnwindRule rule)
    {
        var bytes = machine[UnwindMaps.RulesName].Lookup(number)!.Bytes;
        BinaryPrimitives.WriteInt32LittleEndian(bytes, rule.CfaOffset);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(4), rule.BasePointerOffset);
        (bytes[6], bytes[7]) = ((byte)((int)rule.Cfa | ((int)rule.BasePointer << 4)), (byte)rule.BxOffset);
    }
}
