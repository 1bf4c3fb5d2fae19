using System.Buffers.Text;
using System.Text;

namespace StackDepth.Native.Symbols;

/// <summary>
/// The functions that a perf map names: lines of <c>address size name</c>, the numbers in hex. Where ranges overlap the later line wins, as code is compiled again at another tier, or other code
/// takes its place. Grows line by line, at a cost that is spread over the lines. Not thread-safe.
/// </summary>
internal sealed class PerfMap
{
    /// <summary>More lines are not read: a large server has some hundred thousand.</summary>
    internal const int MostLines = 1 << 20;

    /// <summary>Names that are longer together are not read.</summary>
    internal const int MostNameBytes = 128 << 20;

    /// <summary>Longer names are cut.</summary>
    internal const int MostNameLength = 1024;

    private readonly List<Run> _runs = [];
    private AddressRange[] _ranges = [];
    private (int Start, int Length)[] _nameOf = [];
    private byte[] _names = [];
    private int _count;
    private int _nameBytes;

    // Lines that were added together, or merged since; the newest are asked first.
    private readonly record struct Run(int First, int Count, RangeIndex Index);

    internal int Count => _count;

    /// <summary>No more lines are taken.</summary>
    internal bool IsFull { get; private set; }

    internal long Bytes => (_ranges.LongLength * 24) + _names.LongLength + _runs.Sum(static run => run.Index.Bytes);

    /// <summary>Adds whole lines; those that are not as they should be are left out.</summary>
    internal void Append(ReadOnlySpan<byte> text)
    {
        var first = _count;
        foreach (var line in text.Split((byte)'\n'))
        {
            if (TryParse(text[line], out var range, out var name))
            {
                Add(range, name);
            }
        }

        if (_count == first)
        {
            return;
        }

        // Runs at least halve in length from one to the next, so a line is sorted again at most some twenty times.
        while (_runs.Count > 0 && _runs[^1].Count <= 2L * (_count - first))
        {
            first = _runs[^1].First;
            _runs.RemoveAt(_runs.Count - 1);
        }

        _runs.Add(new Run(first, _count - first, RangeIndex.Build(_ranges.AsSpan(first, _count - first))));
    }

    /// <summary>Finds the line that an address belongs to.</summary>
    /// <returns>Its number, or -1.</returns>
    internal int Find(ulong address, out ulong start)
    {
        for (var i = _runs.Count - 1; i >= 0; i--)
        {
            var at = _runs[i].Index.Find(address);
            if (at >= 0)
            {
                start = _ranges[_runs[i].First + at].Start;
                return _runs[i].First + at;
            }
        }

        start = 0;
        return -1;
    }

    /// <summary>The name that a line gives.</summary>
    internal string NameOf(int line) => Encoding.UTF8.GetString(_names.AsSpan(_nameOf[line].Start, _nameOf[line].Length));

    // V8 and others write the address with 0x, or without.
    private static bool TryParse(ReadOnlySpan<byte> line, out AddressRange range, out ReadOnlySpan<byte> name)
    {
        range = default;
        name = default;
        if (!TryHex(ref line, out var start) || !TryHex(ref line, out var size) || size == 0 || size > ulong.MaxValue - start)
        {
            return false;
        }

        name = line.TrimEnd((byte)'\r');
        name = name[..Math.Min(name.Length, MostNameLength)];
        range = new AddressRange(start, start + size);
        return !name.IsEmpty;
    }

    private static bool TryHex(ref ReadOnlySpan<byte> line, out ulong value)
    {
        line = line.StartsWith("0x"u8) ? line[2..] : line;
        if (!Utf8Parser.TryParse(line, out value, out var length, 'x') || length >= line.Length || line[length] != (byte)' ')
        {
            return false;
        }

        line = line[(length + 1)..];
        return true;
    }

    private void Add(AddressRange range, ReadOnlySpan<byte> name)
    {
        if (_count >= MostLines || name.Length > MostNameBytes - _nameBytes)
        {
            IsFull = true;
            return;
        }

        if (_count == _ranges.Length)
        {
            var length = Math.Clamp(_count * 2, 256, MostLines);
            Array.Resize(ref _ranges, length);
            Array.Resize(ref _nameOf, length);
        }

        if (name.Length > _names.Length - _nameBytes)
        {
            Array.Resize(ref _names, (int)Math.Clamp(2L * _names.Length, _nameBytes + name.Length + 4096, MostNameBytes + 4096));
        }

        name.CopyTo(_names.AsSpan(_nameBytes));
        _ranges[_count] = range;
        _nameOf[_count] = (_nameBytes, name.Length);
        _nameBytes += name.Length;
        _count++;
    }
}
