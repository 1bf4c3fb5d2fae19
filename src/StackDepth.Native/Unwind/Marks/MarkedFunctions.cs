using System.Text;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Unwind;

/// <summary>Functions as a user names them: by name or glob, of any file (<c>symbol</c>) or of some (<c>module!symbol</c>).</summary>
internal sealed class MarkedFunctions
{
    // What compilers append to a function's name: the part of it that is seldom run, and copies of it for some callers. gdb shows them all under the function's own name.
    private static readonly string[] s_suffixes = [".cold", ".constprop", ".isra"];

    private readonly Glob? _module;
    private readonly byte[]? _exactName;
    private readonly Glob? _name;

    private MarkedFunctions(string text, string? module, string name)
    {
        Text = text;
        Module = module;
        _module = module is not null && Glob.IsGlob(module) ? new(module) : null;
        _exactName = Glob.IsGlob(name) ? null : Encoding.UTF8.GetBytes(name);
        _name = Glob.IsGlob(name) ? new(name) : null;
    }

    /// <summary>As written.</summary>
    internal string Text { get; }

    /// <summary>The files that are meant; null for all.</summary>
    internal string? Module { get; }

    /// <exception cref="TargetException">The text names no function.</exception>
    internal static MarkedFunctions Parse(string text)
    {
        var separator = text.IndexOf('!', StringComparison.Ordinal);
        var (module, name) = separator < 0 ? (null, text) : (text[..separator], text[(separator + 1)..]);
        return string.IsNullOrWhiteSpace(name) || module is "" || name.Contains('!', StringComparison.Ordinal)
            ? throw new TargetException($"'{PrintableText.Escape(text)}' names no function. Write a name, a glob, or either behind a file's name: module!symbol.")
            : new(text, module, name);
    }

    /// <summary>Whether functions of a file are meant: by its name, by its name without what stands behind <c>.so</c>, or by a glob.</summary>
    internal bool IsIn(string fileName) => Module is null || Module == fileName || LibraryName.IsShortFor(Module, fileName) || (_module?.IsMatch(Encoding.UTF8.GetBytes(fileName)) ?? false);

    /// <summary>Whether a symbol is one of the functions, or a part or copy of one that the compiler made.</summary>
    internal bool Means(ReadOnlySpan<byte> symbol)
    {
        if (_name is { MatchesAll: true })
            return true;
        // The cheap test first: nearly all names fail it.
        if (_exactName is not null && !symbol.StartsWith(_exactName))
            return false;
        return Matches(symbol) || (WithoutSuffixes(symbol) is var plain && plain.Length < symbol.Length && Matches(plain));
    }

    private bool Matches(ReadOnlySpan<byte> name) => _exactName is not null ? name.SequenceEqual(_exactName) : _name!.IsMatch(name);

    private static ReadOnlySpan<byte> WithoutSuffixes(ReadOnlySpan<byte> name)
    {
        for (var cut = true; cut;)
        {
            cut = false;
            var stem = name.TrimEnd("0123456789"u8);
            if (stem.Length < name.Length && stem.EndsWith("."u8))
                stem = stem[..^1];
            else
                stem = name;
            foreach (var suffix in s_suffixes)
            {
                if (stem.Length > suffix.Length && stem.EndsWith(Encoding.ASCII.GetBytes(suffix)))
                {
                    name = stem[..^suffix.Length];
                    cut = true;
                    break;
                }
            }
        }

        return name;
    }
}
