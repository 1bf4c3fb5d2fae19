namespace StackDepth.Native.Symbols;

/// <summary>Addresses from <paramref name="Start"/> up to, and without, <paramref name="End"/>.</summary>
internal readonly record struct AddressRange(ulong Start, ulong End);

/// <summary>
/// Ranges that may overlap, cut into pieces that do not: each piece belongs to the last of the ranges that cover it. A lookup is one binary search. Immutable.
/// </summary>
internal sealed class RangeIndex
{
    private const int Nobody = -1;

    private readonly ulong[] _starts;
    private readonly int[] _owners;

    private RangeIndex(ulong[] starts, int[] owners) => (_starts, _owners) = (starts, owners);

    internal static RangeIndex Empty { get; } = new([], []);

    /// <summary>Which range each piece belongs to, or -1; a range can have several pieces, or none.</summary>
    internal ReadOnlySpan<int> Owners => _owners;

    internal long Bytes => _starts.LongLength * (sizeof(ulong) + sizeof(int));

    /// <summary>Builds the index.</summary>
    /// <param name="ranges">The ranges, those that win last; empty ones are nowhere.</param>
    internal static RangeIndex Build(ReadOnlySpan<AddressRange> ranges) => new Builder(ranges).Build();

    /// <summary>The index of the range that the address belongs to, or -1.</summary>
    internal int Find(ulong address) => Find(address, out _);

    /// <summary>The index of the range that the address belongs to, or -1.</summary>
    /// <param name="address">The address.</param>
    /// <param name="end">The end of the piece that it lies in.</param>
    internal int Find(ulong address, out ulong end)
    {
        var at = LastAtMost(_starts, address);
        end = at + 1 < _starts.Length ? _starts[at + 1] : ulong.MaxValue;
        return at < 0 ? Nobody : _owners[at];
    }

    /// <summary>The last of some ascending numbers that is not greater than another one; -1 when all are.</summary>
    internal static int LastAtMost(ReadOnlySpan<ulong> numbers, ulong value)
    {
        // Without branches on what is compared: they could not be foretold.
        var first = 0;
        for (var length = numbers.Length; length > 1;)
        {
            var half = length >> 1;
            first += numbers[first + half] <= value ? half : 0;
            length -= half;
        }

        return numbers.Length > 0 && numbers[first] <= value ? first : -1;
    }

    /// <summary>The same pieces, for owners that were given other numbers.</summary>
    internal RangeIndex Renumber(ReadOnlySpan<int> numbers)
    {
        var owners = new int[_owners.Length];
        for (var i = 0; i < owners.Length; i++)
        {
            owners[i] = _owners[i] < 0 ? Nobody : numbers[_owners[i]];
        }

        return new RangeIndex(_starts, owners);
    }

    // A sweep over the starts; the heap has the ranges that were begun, the last of them on top. Those that have ended are removed when they come to the top.
    private ref struct Builder(ReadOnlySpan<AddressRange> ranges)
    {
        private readonly ReadOnlySpan<AddressRange> _ranges = ranges;
        private readonly PriorityQueue<int, int> _begun = new();
        private readonly List<ulong> _starts = new(ranges.Length + 1);
        private readonly List<int> _owners = new(ranges.Length + 1);
        private ulong _position;

        internal RangeIndex Build()
        {
            var order = new int[_ranges.Length];
            var starts = new ulong[_ranges.Length];
            var count = 0;
            for (var i = 0; i < _ranges.Length; i++)
            {
                if (_ranges[i].End > _ranges[i].Start)
                {
                    (starts[count], order[count]) = (_ranges[i].Start, i);
                    count++;
                }
            }

            if (count == 0)
            {
                return Empty;
            }

            starts.AsSpan(0, count).Sort(order.AsSpan(0, count));
            _position = starts[0];
            foreach (var range in order.AsSpan(0, count))
            {
                Advance(_ranges[range].Start);
                _begun.Enqueue(range, -range);
            }

            Advance(ulong.MaxValue);
            Add(ulong.MaxValue, Nobody);
            return new RangeIndex([.. _starts], [.. _owners]);
        }

        private void Advance(ulong to)
        {
            while (_begun.TryPeek(out var top, out _))
            {
                var end = _ranges[top].End;
                if (end <= _position)
                {
                    _begun.Dequeue();
                    continue;
                }

                if (_position >= to)
                {
                    return;
                }

                Add(_position, top);
                _position = Math.Min(end, to);
            }

            if (_position < to)
            {
                Add(_position, Nobody);
                _position = to;
            }
        }

        private readonly void Add(ulong start, int owner)
        {
            if (_owners.Count == 0 || _owners[^1] != owner)
            {
                _starts.Add(start);
                _owners.Add(owner);
            }
        }
    }
}
