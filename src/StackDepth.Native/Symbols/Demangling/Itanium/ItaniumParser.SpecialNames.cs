namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    private Node? ParseSpecialName()
    {
        var kind = (Peek, PeekNext);
        at = Math.Min(at + 2, text.Length);
        return kind switch
        {
            ('T', 'V') => Special("vtable for ", ParseType()),
            ('T', 'T') => Special("VTT for ", ParseType()),
            ('T', 'I') => Special("typeinfo for ", ParseType()),
            ('T', 'S') => Special("typeinfo name for ", ParseType()),
            ('T', 'F') => Special("typeinfo fn for ", ParseType()),
            ('T', 'J') => Special("java Class for ", ParseType()),
            ('T', 'A') => Special("template parameter object for ", ParseTemplateArgument()),
            ('T', 'H') => Special("TLS init function for ", ParseName()),
            ('T', 'W') => Special("TLS wrapper function for ", ParseName()),
            ('T', 'h') => ParseThunk("non-virtual thunk to ", 1),
            ('T', 'v') => ParseThunk("virtual thunk to ", 1),
            ('T', 'c') => ParseThunk("covariant return thunk to ", 2),
            ('T', 'C') => ParseConstructionVtable(),
            ('G', 'V') => Special("guard variable for ", ParseName()),
            ('G', 'R') => ParseReferenceTemporary(),
            ('G', 'A') => Special("hidden alias for ", ParseEncoding(outermost: false)),
            ('G', 'I') => Special("initializer for module ", ParseModuleName(null)),
            ('G', 'T') => ParseTransactionClone(),
            _ => null,
        };
    }

    private static SpecialName? Special(string description, Node? entity) => entity is null ? null : new SpecialName(description, entity);

    // The letter of the first offset is that of the thunk.
    private SpecialName? ParseThunk(string description, int offsets)
    {
        at -= offsets == 1 ? 1 : 0;
        for (var i = 0; i < offsets; i++)
        {
            if (!SkipCallOffset())
            {
                return null;
            }
        }

        return Special(description, ParseEncoding(outermost: false));
    }

    // TC <derived type> <offset> _ <base type>
    private ConstructionVtable? ParseConstructionVtable()
    {
        if (ParseType() is not { } derived || ParseNumber() < 0 || !Accept('_') || ParseType() is not { } inBase)
        {
            return null;
        }

        return new ConstructionVtable(derived, inBase);
    }

    // GR <name> [<number>] _
    private SpecialName? ParseReferenceTemporary()
    {
        if (ParseName() is not { } name)
        {
            return null;
        }

        // The ABI ends the number with an underscore; g++ before 4.9 did not, and numbered from 0.
        var number = Accept('_') ? 0 : ParseSequenceIdOrEnd();
        return number < 0 ? null : new SpecialName($"reference temporary #{number} for ", name);
    }

    private int ParseSequenceIdOrEnd()
    {
        if (Peek == '\0')
        {
            return 0;
        }

        var start = at;
        var number = ParseNumber();
        if (number >= 0 && Peek == '\0')
        {
            return number;
        }

        at = start;
        return ParseSequenceId();
    }

    // GT n | GT t, and what it is a clone of
    private SpecialName? ParseTransactionClone()
    {
        var description = Peek == 'n' ? "non-transaction clone for " : "transaction clone for ";
        at = Math.Min(at + 1, text.Length);
        return Special(description, ParseEncoding(outermost: false));
    }
}
