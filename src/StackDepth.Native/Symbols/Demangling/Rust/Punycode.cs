using System.Text;

namespace StackDepth.Native.Symbols.Demangling.Rust;

/// <summary>RFC 3492, with the underscore that Rust has instead of the hyphen.</summary>
internal static class Punycode
{
    private const int Base = 36, TMin = 1, TMax = 26, Skew = 38, Damp = 700, InitialBias = 72, InitialCode = 0x80;

    /// <summary>An identifier has no more characters than this; inserting them costs the square of their number.</summary>
    private const int MaxCharacters = 1024;

    /// <summary>The text, or null where it is malformed.</summary>
    internal static string? Decode(string encoded)
    {
        var basic = encoded.LastIndexOf('_');
        var characters = new List<Rune>();
        foreach (var c in encoded.AsSpan(0, Math.Max(basic, 0)))
        {
            characters.Add(new Rune(c));
        }

        var deltas = encoded.AsSpan(basic + 1);
        if (deltas.Length == 0)
        {
            return null;
        }

        long code = InitialCode, index = 0;
        var bias = InitialBias;
        while (deltas.Length > 0)
        {
            var before = index;
            if (!TakeDelta(ref deltas, bias, ref index) || characters.Count >= MaxCharacters)
            {
                return null;
            }

            var count = characters.Count + 1;
            bias = Adapt(index - before, count, first: before == 0);
            code += index / count;
            index %= count;
            if (!Rune.IsValid((int)Math.Min(code, int.MaxValue)))
            {
                return null;
            }

            characters.Insert((int)index++, new Rune((int)code));
        }

        var text = new StringBuilder();
        foreach (var character in characters)
        {
            text.Append(character.ToString());
        }

        return text.ToString();
    }

    // A number of variable length, least significant digit first.
    private static bool TakeDelta(ref ReadOnlySpan<char> deltas, int bias, ref long index)
    {
        long weight = 1;
        for (var k = Base; deltas.Length > 0; k += Base)
        {
            var digit = deltas[0] switch
            {
                >= 'a' and <= 'z' => deltas[0] - 'a',
                >= '0' and <= '9' => deltas[0] - '0' + 26,
                _ => -1,
            };
            deltas = deltas[1..];
            if (digit < 0)
            {
                return false;
            }

            index += digit * weight;
            var threshold = Math.Clamp(k - bias, TMin, TMax);
            if (digit < threshold)
            {
                return true;
            }

            weight *= Base - threshold;
            if (weight > int.MaxValue || index > int.MaxValue)
            {
                return false;
            }
        }

        return false;
    }

    private static int Adapt(long delta, int count, bool first)
    {
        delta /= first ? Damp : 2;
        delta += delta / count;
        var k = 0;
        for (; delta > (Base - TMin) * TMax / 2; k += Base)
        {
            delta /= Base - TMin;
        }

        return k + (int)((Base - TMin + 1) * delta / (delta + Skew));
    }
}
