namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed partial class ItaniumParser
{
    // <substitution> ::= S [<seq-id>] _ | St | Sa | Sb | Ss | Si | So | Sd
    private Node? ParseSubstitution(bool prefix)
    {
        at++;
        if (Peek is '_' or (>= '0' and <= '9') or (>= 'A' and <= 'Z'))
        {
            var id = ParseSequenceId();
            return id >= 0 && id < substitutions.Count ? substitutions[id] : null;
        }

        var letter = Peek;
        if (letter == 't')
        {
            at++;
            return new StandardName("std");
        }

        if (Standard(letter) is not var (brief, full, className))
        {
            return null;
        }

        at++;

        // A constructor is named after the template, so the name before it cannot be an alias.
        var spelled = verbose || (prefix && Peek is 'C' or 'D') ? full : brief;
        lastName = new Identifier(className);
        Node name = new StandardName(spelled);
        return Peek == 'B' ? Remember(ParseTags(name)) : name;
    }

    private static (string Brief, string Full, string ClassName)? Standard(char letter) => letter switch
    {
        'a' => ("std::allocator", "std::allocator", "allocator"),
        'b' => ("std::basic_string", "std::basic_string", "basic_string"),
        's' => ("std::string", "std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "basic_string"),
        'i' => ("std::istream", "std::basic_istream<char, std::char_traits<char> >", "basic_istream"),
        'o' => ("std::ostream", "std::basic_ostream<char, std::char_traits<char> >", "basic_ostream"),
        'd' => ("std::iostream", "std::basic_iostream<char, std::char_traits<char> >", "basic_iostream"),
        _ => null,
    };
}
