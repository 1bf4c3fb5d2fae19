using System.Buffers.Binary;
using Iced.Intel;

namespace StackDepth.Native.Unwind;

/// <summary>
/// Finds <see cref="UnwindTable.Plain"/>. A return address is what a call instruction pushes, and its rule is looked up at the byte before it, which is the last
/// byte of that instruction. So where no call ends in text whose rule is another than "CFA = rbp + 16, the caller's rbp at CFA - 16", this rule holds at every return
/// address, and a step by frame pointer is the step that the table would make. Text under rules that end or cross a stack (Outermost, SignalFrame) is never part of it: the base
/// pointer means nothing there.
/// <para>
/// That there is no call is shown in two ways. A call in 64-bit code begins, behind its prefixes, with the opcode E8, or with FF and a ModRM byte whose middle bits are 2 or 3 (Intel
/// SDM, volume 2, CALL; 9A is no instruction there): text without these bytes has no call, however it is divided into instructions. This is all that is accepted for text
/// without rows, since nothing tells where instructions begin there. Where rows tell that, as a rule changes between instructions only, the stretch is
/// decoded, and must end with an instruction. That is a proof for code as the rows describe it; the rows themselves are believed, as they are by each step of a walk.
/// </para>
/// Too short a stretch is always safe: rows are looked up outside of it.
/// </summary>
internal static class FramePointerProof
{
    private const ulong ReadAhead = 64 << 10;

    // Less is read whatever the rows say.
    private const ulong SmallText = 1 << 20;

    // No compiler emits a stretch as long without a frame in code that keeps frame pointers; it bounds what is decoded at once.
    private const uint LongestStretch = 16 << 20;

    /// <summary>Fills a buffer from a file offset.</summary>
    internal delegate void Filler(ulong fileOffset, Span<byte> buffer);

    internal static PlainText Longest(UnwindTable table, TextMap text, Filler fill)
    {
        var longest = default(PlainText);
        if (!table.HasRules)
        {
            return longest;
        }

        var window = new Window(fill);
        foreach (ref readonly var range in text.Ranges)
        {
            if (range.Offset + range.Length > uint.MaxValue || (range.Length > SmallText && !IsMostlyPlain(table, range)))
            {
                continue;
            }

            // Rows that belong to no range cannot be asked for; a stretch that runs over the end of a range is cut there.
            var position = range.Offset;
            var end = range.Offset + range.Length;
            var start = position;
            while (position < end)
            {
                var rule = RuleAt(table, position, end, out var next);
                if (Interrupts(table.Rules[rule], window, position, next, range))
                {
                    Take(start, position);
                    start = next;
                }

                position = next;
            }

            Take(start, end);
        }

        return longest;

        void Take(ulong from, ulong to)
        {
            if (to - from > longest.Length)
            {
                longest = new((uint)from, (uint)(to - from));
            }
        }
    }

    // Reading all of a large binary's text takes long, and one that was compiled without frame pointers has next to none.
    private static bool IsMostlyPlain(UnwindTable table, in TextMap.Range range)
    {
        ulong plain = 0;
        var end = range.Offset + range.Length;
        for (var position = range.Offset; position < end;)
        {
            var rule = RuleAt(table, position, end, out var next);
            plain += table.Rules[rule].IsFramePointer ? next - position : 0;
            position = next;
        }

        return plain >= range.Length / 4;
    }

    // Frames of these rules are not to be stepped over by frame pointer, even if their code looks as if they could be.
    private static bool Interrupts(UnwindRule rule, Window window, ulong position, ulong next, in TextMap.Range range) =>
        !rule.IsFramePointer
        && (rule.Cfa is CfaKind.Outermost or CfaKind.SignalFrame || MayCall(window, position, next, isGap: rule.Cfa == CfaKind.None, range, position - range.Offset));

    // The rule at a place, and where the next one begins.
    private static uint RuleAt(UnwindTable table, ulong position, ulong end, out ulong next)
    {
        var page = (int)((position >> UnwindTable.PageBits) - table.FirstPage);
        var row = (int)table.PageStarts[page + 1] - 1;
        while (UnwindTable.OffsetOf(table.Rows[row]) > (byte)position)
        {
            row--;
        }

        var rule = UnwindTable.RuleOf(table.Rows[row]);
        for (row++; row < table.Rows.Length; row++)
        {
            while (table.PageStarts[page + 1] <= row)
            {
                page++;
            }

            if (UnwindTable.RuleOf(table.Rows[row]) != rule)
            {
                next = Math.Min(end, (((ulong)table.FirstPage + (ulong)page) << UnwindTable.PageBits) + UnwindTable.OffsetOf(table.Rows[row]));
                return rule;
            }
        }

        next = end;
        return rule;
    }

    private static bool MayCall(Window window, ulong start, ulong end, bool isGap, in TextMap.Range range, ulong offsetInRange)
    {
        if (end - start > LongestStretch)
        {
            return true;
        }

        var code = window.Read(start, end - start + 1, range.Offset + range.Length - start);
        if (!HasCallBytes(code, (int)(end - start), range.Length - offsetInRange, out var reachesText))
        {
            return false;
        }

        return isGap || reachesText || HasCall(code[..(int)(end - start)]);
    }

    /// <summary>Whether bytes of a call begin in the first <paramref name="length"/> bytes; <paramref name="code"/> may have one more, for a ModRM byte.</summary>
    /// <param name="code">The code, and what follows it.</param>
    /// <param name="length">The bytes in question.</param>
    /// <param name="room">The bytes of text from the first one on.</param>
    /// <param name="reachesText">Whether an E8 is followed by a distance that leads forward into the text: by chance that is rare, so it is taken for a call without decoding. It may only be wrong to the safe side.</param>
    private static bool HasCallBytes(ReadOnlySpan<byte> code, int length, ulong room, out bool reachesText)
    {
        reachesText = false;
        var found = false;
        for (var i = 0; i < length; i++)
        {
            if (code[i] == 0xe8)
            {
                found = true;
                if (i + 5 <= length)
                {
                    var target = i + 5L + BinaryPrimitives.ReadInt32LittleEndian(code[(i + 1)..]);
                    if (target >= 0 && (ulong)target < room)
                    {
                        reachesText = true;
                        return true;
                    }
                }
            }
            else if (code[i] == 0xff && (i + 1 >= code.Length || ((code[i + 1] >> 3) & 7) is 2 or 3))
            {
                found = true;
            }
        }

        return found;
    }

    // Whether there is a call, or bytes that cannot be decoded to the very end.
    private static bool HasCall(ReadOnlySpan<byte> code)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code.ToArray()));
        while (decoder.IP < (ulong)code.Length)
        {
            decoder.Decode(out var instruction);
            if (instruction.IsInvalid || instruction.Mnemonic == Mnemonic.Call)
            {
                return true;
            }
        }

        return decoder.IP != (ulong)code.Length;
    }

    // Reads ahead: stretches are short and follow each other.
    private sealed class Window(Filler fill)
    {
        private byte[] _bytes = [];
        private ulong _start;
        private int _length;

        // Up to as many bytes as are wanted; fewer at the end of the range.
        internal ReadOnlySpan<byte> Read(ulong start, ulong wanted, ulong available)
        {
            wanted = Math.Min(wanted, available);
            if (start < _start || start + wanted > _start + (ulong)_length)
            {
                _start = start;
                _length = (int)Math.Max(wanted, Math.Min(available, ReadAhead));
                if (_bytes.Length < _length)
                {
                    _bytes = new byte[_length];
                }

                fill(start, _bytes.AsSpan(0, _length));
            }

            return _bytes.AsSpan((int)(start - _start), (int)wanted);
        }
    }
}
