using System.Globalization;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>What the user wrote for the functions: a name, a glob, <c>name+offset</c>, or a virtual address <c>0x1234</c>.</summary>
internal sealed class SymbolQuery
{
    private SymbolQuery(string text)
    {
        Text = text;
        Name = text;
        NameBytes = [];
    }

    internal string Text { get; }

    /// <summary>The function's name without an offset; the whole text for a glob.</summary>
    internal string Name { get; private init; }

    internal byte[] NameBytes { get; private init; }

    internal Glob? Glob { get; private init; }

    internal ulong? Address { get; private init; }

    /// <summary>Bytes from the function's start.</summary>
    internal ulong Offset { get; private init; }

    /// <summary>Whether the name says which version it means (<c>memcpy@GLIBC_2.2.5</c>).</summary>
    internal bool HasVersion { get; private init; }

    internal static SymbolQuery Parse(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new TargetException("No function is named. Write a name, a glob such as 'Py*', name+offset, or an address such as 0x1234.");
        }

        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var address)
                ? new SymbolQuery(text) { Address = address }
                : throw new TargetException($"'{PrintableText.Escape(text)}' is not a hexadecimal address of at most 64 bits.");
        }

        var plus = text.LastIndexOf('+');
        if (plus > 0 && TryParseNumber(text.AsSpan(plus + 1), out var offset))
        {
            var name = text[..plus];
            return Glob.IsGlob(name)
                ? throw new TargetException($"'{PrintableText.Escape(text)}' has a glob and an offset; an offset needs the name of one function.")
                : Exact(text, name, offset);
        }

        return Glob.IsGlob(text) ? new SymbolQuery(text) { Glob = new Glob(text) } : Exact(text, text, 0);
    }

    /// <summary>Whether the text names functions, and no instruction within one: their sites are their first instructions.</summary>
    internal static bool IsFunction(string text) => !text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        && (text.LastIndexOf('+') < 1 || !TryParseNumber(text.AsSpan(text.LastIndexOf('+') + 1), out var offset) || offset == 0);

    private static SymbolQuery Exact(string text, string name, ulong offset) => new(text)
    {
        Name = name,
        NameBytes = Encoding.UTF8.GetBytes(name),
        Offset = offset,
        HasVersion = name.IndexOf('@', StringComparison.Ordinal) > 0,
    };

    private static bool TryParseNumber(ReadOnlySpan<char> text, out ulong value) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
