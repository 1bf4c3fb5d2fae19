using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StackDepth.Native.Unwind;

/// <summary>Gives each different rule of a file a number, in order of appearance; <see cref="CfaKind.None"/> is 0.</summary>
internal sealed class RuleNumbers
{
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    private ulong[] _rules = new ulong[256];
    private int[] _slots = new int[1024];
    private int _shift = 64 - 10;
    private int _count = 1;

    internal uint Unsupported => Get(new(CfaKind.Unsupported));

    /// <summary>The rule's number, or <see cref="UnwindTable.MaxRules"/> when all numbers are taken.</summary>
    internal uint Get(UnwindRule rule)
    {
        var value = Unsafe.BitCast<UnwindRule, ulong>(rule);
        if (value == 0)
        {
            return 0;
        }

        var mask = _slots.Length - 1;
        for (var slot = (int)((value * Multiplier) >> _shift); ; slot = (slot + 1) & mask)
        {
            var number = _slots[slot];
            if (number == 0)
            {
                return Add(value, slot);
            }

            if (_rules[number] == value)
            {
                return (uint)number;
            }
        }
    }

    internal UnwindRule[] ToArray() => MemoryMarshal.Cast<ulong, UnwindRule>(_rules.AsSpan(0, _count)).ToArray();

    private uint Add(ulong value, int slot)
    {
        // One number is kept for Unsupported, which all that finds no number becomes.
        if (_count >= UnwindTable.MaxRules - 1 && value != Unsafe.BitCast<UnwindRule, ulong>(new UnwindRule(CfaKind.Unsupported)))
        {
            return UnwindTable.MaxRules;
        }

        if (_count == _rules.Length)
        {
            Array.Resize(ref _rules, _count * 2);
        }

        _rules[_count] = value;
        _slots[slot] = _count++;
        if (_count * 2 > _slots.Length)
        {
            Grow();
        }

        return (uint)_count - 1;
    }

    private void Grow()
    {
        _slots = new int[_slots.Length * 2];
        _shift--;
        var mask = _slots.Length - 1;
        for (var number = 1; number < _count; number++)
        {
            var slot = (int)((_rules[number] * Multiplier) >> _shift);
            while (_slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            _slots[slot] = number;
        }
    }
}
