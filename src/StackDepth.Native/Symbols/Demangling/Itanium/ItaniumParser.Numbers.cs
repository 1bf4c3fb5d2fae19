namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    // <number> without a sign, or -1 where there is none or it is too large to mean anything.
    private int ParseNumber()
    {
        var start = at;
        long value = 0;
        while (char.IsAsciiDigit(Peek))
        {
            value = Math.Min((value * 10) + (text[at++] - '0'), int.MaxValue);
        }

        return at == start || value == int.MaxValue ? -1 : (int)value;
    }

    // _ is 0, <number> _ is one more than the number; -1 where it is neither.
    private int ParseCompactNumber()
    {
        if (Accept('_'))
        {
            return 0;
        }

        var number = ParseNumber();
        return number < 0 || !Accept('_') ? -1 : number + 1;
    }

    // <seq-id> in base 36, numbered likewise.
    private int ParseSequenceId()
    {
        if (Accept('_'))
        {
            return 0;
        }

        long value = 0;
        do
        {
            var digit = Peek;
            if (!char.IsAsciiDigit(digit) && !char.IsAsciiLetterUpper(digit))
            {
                return -1;
            }

            value = (value * 36) + (digit <= '9' ? digit - '0' : digit - 'A' + 10);
            at++;
        }
        while (value < text.Length && !Accept('_'));

        // There are no more substitutions than characters.
        return value < text.Length ? (int)value + 1 : -1;
    }

    // [n] <number>: an offset in a thunk's name, of no interest.
    private bool SkipOffset()
    {
        Accept('n');
        var start = at;
        while (char.IsAsciiDigit(Peek))
        {
            at++;
        }

        return at > start;
    }

    // <call-offset> ::= h <nv-offset> _ | v <v-offset> _
    private bool SkipCallOffset() => Accept('h')
        ? SkipOffset() && Accept('_')
        : Accept('v') && SkipOffset() && Accept('_') && SkipOffset() && Accept('_');

    // <discriminator> ::= _ <digit> | __ <number> _
    private bool SkipDiscriminator()
    {
        if (Peek != '_' || !(char.IsAsciiDigit(PeekNext) || PeekNext == '_'))
        {
            return true;
        }

        at++;
        var isLong = Accept('_');
        return ParseNumber() is >= 0 and var number && (!isLong || number < 10 || Accept('_'));
    }
}
