namespace StackDepth.Native.Unwind;

/// <summary>Bytes of call-frame information and how they are to be read.</summary>
/// <param name="Bytes">The section's.</param>
/// <param name="Address">The virtual address of the bytes; 0 for .debug_frame, which is not loaded.</param>
/// <param name="IsDebugFrame">The format of .debug_frame (DWARF 5, 6.4.1); else that of .eh_frame (Linux Standard Base, Core 5.0, 10.6.1).</param>
/// <param name="EndsAtTerminator">Where the length of the section is not known, an entry of length 0 is its end. Within a section it need not be.</param>
internal readonly record struct CfiBytes(byte[] Bytes, ulong Address, bool IsDebugFrame, bool EndsAtTerminator);

/// <summary>Reads all entries of a section: common (CIE) and frame description entries (FDE).</summary>
internal sealed class CfiSection
{
    private readonly CfiBytes _source;
    private readonly TextMap _text;
    private readonly CfiInterpreter _interpreter;
    private readonly Dictionary<int, int> _places = [];
    private readonly List<Cie> _cies = [];
    private readonly UnwindBuilder.Counts _counts;
    private int _lastPlace = -1;
    private int _lastIndex;
    private long _budget;

    internal CfiSection(CfiBytes source, TextMap text, CfiInterpreter interpreter, UnwindBuilder.Counts counts)
    {
        (_source, _text, _interpreter, _counts) = (source, text, interpreter, counts);

        // Each CIE is read once, so together they are no longer than the section, unless a hostile file makes them overlap.
        _budget = source.Bytes.Length;
    }

    internal void ReadAll()
    {
        var position = 0;
        while (position < _source.Bytes.Length)
        {
            if (!TryReadHead(position, out var head))
            {
                _counts.IsDamaged = true;
                return;
            }

            if (head.End == head.Start)
            {
                if (_source.EndsAtTerminator)
                {
                    return;
                }
            }
            else if (!head.IsCie)
            {
                ReadFde(head);
            }

            position = head.End;
        }
    }

    private readonly record struct Head(int Start, int End, int CiePlace, bool IsCie, bool Is64Bit);

    private sealed record Cie(CfiInterpreter.Context Context, CfiState Initial, bool HasAugmentationData, bool IsReadable, UnsupportedReason? Problem);

    // Start is behind the CIE pointer, except in a terminator.
    private bool TryReadHead(int position, out Head head)
    {
        head = default;
        var reader = new CfiReader(_source.Bytes, position);
        ulong length = reader.U32();
        var is64Bit = length == 0xffffffff;
        if (is64Bit)
        {
            length = reader.U64();
        }
        else if (length >= 0xfffffff0)
        {
            return false;
        }

        if (reader.Failed || length > (ulong)reader.Remaining)
        {
            return false;
        }

        var end = reader.Position + (int)length;
        if (length == 0)
        {
            head = new(end, end, 0, false, false);
            return true;
        }

        // In .eh_frame the pointer has 4 bytes even where the length has 8; it is the distance back from itself.
        var at = reader.Position;
        var wide = is64Bit && _source.IsDebugFrame;
        var id = wide ? reader.U64() : reader.U32();
        if (reader.Failed || reader.Position > end)
        {
            return false;
        }

        var isCie = id == (!_source.IsDebugFrame ? 0 : wide ? ulong.MaxValue : uint.MaxValue);
        var place = _source.IsDebugFrame ? id : unchecked((ulong)(at - (int)(uint)id));
        head = new(reader.Position, end, place < (ulong)_source.Bytes.Length ? (int)place : -1, isCie, is64Bit);
        return true;
    }

    private void ReadFde(in Head head)
    {
        var cie = FindCie(head.CiePlace);
        if (!cie.IsReadable)
        {
            _counts.Skipped++;
            return;
        }

        var reader = new CfiReader(_source.Bytes.AsSpan(0, head.End), head.Start);
        var address = PointerEncoding.Read(ref reader, cie.Context.Encoding, _source.Address);
        var length = PointerEncoding.ReadFormat(ref reader, cie.Context.Encoding);
        if (cie.HasAugmentationData)
        {
            reader.Take(reader.Uleb());
        }

        if (reader.Failed || length == 0 || !_text.TryMap(address, ref length, out var start))
        {
            _counts.Skipped++;
            return;
        }

        _counts.Fdes++;
        if (cie.Problem is { } problem)
        {
            _interpreter.RejectFunction(start, (uint)length, problem);
        }
        else
        {
            _interpreter.RunFunction(ref reader, cie.Context, cie.Initial, address, start, (uint)length);
        }
    }

    private Cie FindCie(int place)
    {
        if (place != _lastPlace || _cies.Count == 0)
        {
            if (!_places.TryGetValue(place, out _lastIndex))
            {
                _lastIndex = _cies.Count;
                _places.Add(place, _lastIndex);
                _cies.Add(ReadCie(place));
            }

            _lastPlace = place;
        }

        return _cies[_lastIndex];
    }

    private Cie ReadCie(int place)
    {
        var unreadable = new Cie(default, default, false, false, UnsupportedReason.Damaged);
        if (place < 0 || !TryReadHead(place, out var head) || !head.IsCie || (_budget -= head.End - head.Start) < 0)
        {
            return unreadable;
        }

        var reader = new CfiReader(_source.Bytes.AsSpan(0, head.End), head.Start);
        var version = reader.U8();
        if (version is not (1 or 3 or 4) && !(version == 2 && _source.IsDebugFrame))
        {
            return unreadable;
        }

        var augmentation = ReadString(ref reader);
        if (augmentation.SequenceEqual("eh"u8))
        {
            // GCC 2: a pointer to exception tables.
            reader.U64();
            augmentation = [];
        }

        if (version == 4 && (reader.U8() != sizeof(ulong) || reader.U8() != 0))
        {
            // Addresses of another size, or with segment selectors.
            return unreadable;
        }

        var codeAlignment = reader.Uleb();
        var dataAlignment = reader.Sleb();
        var returnAddress = version == 1 ? reader.U8() : reader.Uleb();
        var encoding = PointerEncoding.Absolute;
        var isSignalFrame = false;
        UnsupportedReason? problem = returnAddress == CfiState.ReturnAddressRegister ? null : UnsupportedReason.ReturnAddress;
        var hasData = augmentation is [(byte)'z', ..];
        if (hasData)
        {
            var length = reader.Uleb();
            var data = reader;
            var known = TryReadAugmentation(ref data, augmentation[1..], ref encoding, ref isSignalFrame);
            reader.Take(length);
            if (!known || data.Position > reader.Position)
            {
                problem = UnsupportedReason.Augmentation;
            }
        }
        else if (!augmentation.IsEmpty)
        {
            // Nothing behind an unknown augmentation string can be trusted but its length.
            return unreadable;
        }

        if (reader.Failed || !PointerEncoding.IsKnown(encoding))
        {
            return unreadable;
        }

        var context = new CfiInterpreter.Context(codeAlignment, dataAlignment, encoding, isSignalFrame, _source.Address);
        var state = default(CfiState);
        problem ??= _interpreter.RunInitial(ref reader, context, ref state);
        return new(context, state, hasData, true, problem);
    }

    // The 'R' of compilers is before any letter that is not known, or the FDEs' addresses are taken for absolute ones: those are outside the text, and skipped.
    private bool TryReadAugmentation(ref CfiReader data, scoped ReadOnlySpan<byte> letters, ref byte encoding, ref bool isSignalFrame)
    {
        foreach (var letter in letters)
        {
            switch (letter)
            {
                case (byte)'R':
                    encoding = data.U8();
                    break;
                case (byte)'L':
                    data.U8();
                    break;
                case (byte)'P' when PointerEncoding.Skip(ref data, data.U8(), _source.Address):
                    break;
                case (byte)'S':
                    isSignalFrame = true;
                    break;
                case (byte)'B':
                    // AArch64's second pointer authentication key: no meaning here.
                    break;
                default:
                    return false;
            }
        }

        return !data.Failed;
    }

    private static ReadOnlySpan<byte> ReadString(scoped ref CfiReader reader)
    {
        var start = reader;
        ulong length = 0;
        while (reader.U8() != 0)
        {
            length++;
        }

        return start.Take(length);
    }
}
