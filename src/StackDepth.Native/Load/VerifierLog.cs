using System.Globalization;
using System.Text.RegularExpressions;

namespace StackDepth.Native.Load;

/// <summary>
/// Reads the little of a verifier log that is stable enough to rely on: which slot it was at, and the line that says what is wrong. The format changes between
/// kernels, so nothing here fails, and the log itself is always kept whole.
/// </summary>
internal static partial class VerifierLog
{
    /// <summary>The slot of the instruction that the verifier was at when it gave up; null where the log names none.</summary>
    internal static int? FailingSlot(string log)
    {
        var end = log.Length;
        while (end > 0)
        {
            var start = log.LastIndexOf('\n', end - 1) + 1;
            var line = log.AsSpan(start, end - start);

            // "12: (85) call ..." is the last instruction it looked at; messages of the checks before simulation name theirs in words.
            foreach (var match in Simulated().EnumerateMatches(line))
            {
                return Number(line.Slice(match.Index, match.Length).TrimEnd(" (:"));
            }

            foreach (var match in Named().EnumerateMatches(IsStatistics(line) ? [] : line))
            {
                var text = line.Slice(match.Index, match.Length);
                return Number(text[(text.LastIndexOf(' ') + 1)..]);
            }

            end = start - 1;
        }

        return null;
    }

    /// <summary>The line that says what is wrong, without the statistics that follow it.</summary>
    internal static string Summary(string log)
    {
        var end = log.Length;
        while (end > 0)
        {
            var start = log.LastIndexOf('\n', end - 1) + 1;
            var line = log.AsSpan(start, end - start).Trim();
            if (!line.IsEmpty && !IsStatistics(line))
            {
                return line.ToString();
            }

            end = start - 1;
        }

        return "";
    }

    /// <summary>The last lines, for a message that stays readable.</summary>
    internal static string Tail(string log, int lines)
    {
        var text = log.AsSpan().TrimEnd();
        var start = text.Length;
        for (var n = 0; n < lines && start > 0; n++)
        {
            start = text[..start].LastIndexOf('\n');
        }

        return text[(start < 0 ? 0 : start)..].Trim('\n').ToString();
    }

    private static bool IsStatistics(ReadOnlySpan<char> line) =>
        line.StartsWith("processed ", StringComparison.Ordinal) || line.StartsWith("verification time ", StringComparison.Ordinal)
        || line.StartsWith("stack depth ", StringComparison.Ordinal) || line.StartsWith("max_states_per_insn ", StringComparison.Ordinal)
        || line.StartsWith("mark_precise: ", StringComparison.Ordinal);

    private static int? Number(ReadOnlySpan<char> digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var slot) ? slot : null;

    [GeneratedRegex(@"^\d{1,7}: \(", RegexOptions.CultureInvariant)]
    private static partial Regex Simulated();

    [GeneratedRegex(@"\b(?:insn|insn_idx) \d{1,7}", RegexOptions.CultureInvariant)]
    private static partial Regex Named();
}
