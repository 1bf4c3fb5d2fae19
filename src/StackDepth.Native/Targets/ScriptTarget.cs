using System.Text;
using System.Text.RegularExpressions;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// A script holds no code to probe. Where the program that it starts is certain without running it (pyenv's shims, a wrapper that only sets variables and then
/// execs an absolute path), that program is the target; else the script is refused, with the programs that could be meant.
/// </summary>
internal static partial class ScriptTarget
{
    private const int MaxLength = 64 << 10;

    /// <summary>The script's text, or null when the file is not a script.</summary>
    internal static string? TryRead(LocatedFile file)
    {
        using var reader = ElfReader.Open(file.OpenPath, file.Path);
        Span<byte> start = stackalloc byte[2];
        if (reader.Length < 2)
        {
            return null;
        }

        reader.Fill(0, start, "first bytes");
        return start.SequenceEqual("#!"u8) ? Encoding.UTF8.GetString(reader.Read(0, Math.Min(reader.Length, MaxLength), "text")) : null;
    }

    /// <summary>The program that the script starts.</summary>
    /// <exception cref="TargetException">It cannot be known.</exception>
    internal static LocatedFile Follow(LocatedFile script, string requested, string text, BinaryLocator locator)
    {
        if (PyenvShim.IsShim(text, out var pyenvRoot))
        {
            // The shim's own name chooses the program: the name that was asked for, as links to shims keep their name.
            var name = Path.GetFileName(requested);
            return PyenvShim.Follow(Path.Join(Path.GetDirectoryName(script.Path), name), pyenvRoot, locator);
        }

        if (WrappedProgram(text) is { } program && ProgramSearch.IsExecutable(locator.Root, program))
        {
            return locator.At(program, $"{PrintableText.Escape(script.Path)} is a script that starts {PrintableText.Escape(program)}");
        }

        throw Refusal(script, text, locator);
    }

    // Certain only if nothing before the exec can end, branch or change which libraries are loaded.
    internal static string? WrappedProgram(string text)
    {
        var lines = text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith('#')).ToArray();
        if (lines.Length == 0 || text.Length >= MaxLength || !ShellPattern().IsMatch(text) || !lines[..^1].All(line => HarmlessPattern().IsMatch(line)))
        {
            return null;
        }

        var match = WrapperPattern().Match(lines[^1]);
        return !match.Success ? null : match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value;
    }

    private static TargetException Refusal(LocatedFile script, string text, BinaryLocator locator)
    {
        var words = text[2..].Split('\n')[0].Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
        var interpreter = words.Length == 0 ? null
            : Path.GetFileName(words[0]) == "env" ? words.Skip(1).FirstOrDefault(word => !word.StartsWith('-') && !word.Contains('=', StringComparison.Ordinal)) ?? words[0]
            : words[0];
        var others = PathPattern().Matches(text[2..]).Take(1000).Select(match => match.Value).Distinct()
            .Where(path => path != interpreter && path != words.FirstOrDefault() && ProgramSearch.IsExecutable(locator.Root, path)).Take(5).Select(PrintableText.Escape).ToArray();
        return new TargetException(
            $"{PrintableText.Escape(script.Path)} is a script: it has no code of its own to probe, and which program it starts is not known without running it."
                + (interpreter is null ? string.Empty : $" To probe the program that runs it, name '{PrintableText.Escape(interpreter)}'.")
                + (others.Length == 0 ? string.Empty : $" It mentions these programs: {string.Join(", ", others)}."));
    }

    [GeneratedRegex("""^#!\s*(/usr)?/bin/(env\s+)?(sh|bash|dash|zsh|ksh)\b""", RegexOptions.CultureInvariant)]
    private static partial Regex ShellPattern();

    [GeneratedRegex("""^(set -[a-z]+|unset (?!LD_)[A-Z_a-z0-9]+|(export )?(?!LD_|PATH=|IFS=|BASH_ENV=|ENV=)[A-Za-z_][A-Za-z_0-9]*=("[^"`$\\]*"|'[^']*'|[-+./:,@%A-Za-z0-9_]*)|export (?!LD_)[A-Z_a-z0-9]+)$""", RegexOptions.CultureInvariant)]
    private static partial Regex HarmlessPattern();

    [GeneratedRegex("""^exec (?:-a \S+ )?(?:"(/[^"`$\\]+)"|(/[-+./:,@%A-Za-z0-9_]+))(?: [-+./:,@%=A-Za-z0-9_]+)* (?:"\$@"|\$\{1\+"\$@"\})$""", RegexOptions.CultureInvariant)]
    private static partial Regex WrapperPattern();

    [GeneratedRegex("""(?<![-.\w/$}])/[-+.\w/]+""", RegexOptions.CultureInvariant)]
    private static partial Regex PathPattern();
}
