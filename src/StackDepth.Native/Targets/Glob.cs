using System.Text;

namespace StackDepth.Native.Targets;

/// <summary>A glob over names as UTF-8 bytes: <c>*</c>, <c>?</c>, <c>[a-z]</c>, <c>[!a-z]</c>; a backslash takes the next character literally.</summary>
internal sealed class Glob
{
    private readonly byte[] _pattern;

    internal Glob(string pattern)
    {
        _pattern = Encoding.UTF8.GetBytes(pattern);
        MatchesAll = pattern.AsSpan().Trim('*').IsEmpty;
        for (var i = 0; i < _pattern.Length; i++)
        {
            if (_pattern[i] == '\\')
            {
                i++;
            }
            else if (_pattern[i] == '[')
            {
                var end = ClassEnd(i);
                i = end > 0 ? end : throw new TargetException($"The glob '{Elf.PrintableText.Escape(pattern)}' has a '[' without its ']'.");
            }
        }
    }

    internal bool MatchesAll { get; }

    internal static bool IsGlob(string text) => text.AsSpan().IndexOfAny('*', '?', '[') >= 0;

    // Backtracks to the last star only, which suffices for globs: at most (name x pattern) steps.
    internal bool IsMatch(ReadOnlySpan<byte> name)
    {
        if (MatchesAll)
        {
            return true;
        }

        int n = 0, p = 0, starPattern = -1, starName = 0;
        while (n < name.Length)
        {
            if (p < _pattern.Length && _pattern[p] == '*')
            {
                (starPattern, starName) = (++p, n);
            }
            else if (p < _pattern.Length && MatchOne(name[n], p, out var next))
            {
                (n, p) = (n + 1, next);
            }
            else if (starPattern >= 0)
            {
                (n, p) = (++starName, starPattern);
            }
            else
            {
                return false;
            }
        }

        return _pattern.AsSpan(p).TrimStart((byte)'*').IsEmpty;
    }

    private bool MatchOne(byte value, int at, out int next)
    {
        next = at + 1;
        switch (_pattern[at])
        {
            case (byte)'?':
                return true;
            case (byte)'\\' when next < _pattern.Length:
                next++;
                return _pattern[at + 1] == value;
            case (byte)'[':
                next = ClassEnd(at) + 1;
                return MatchClass(_pattern.AsSpan(at + 1, next - at - 2), value);
            default:
                return _pattern[at] == value;
        }
    }

    private static bool MatchClass(ReadOnlySpan<byte> set, byte value)
    {
        var negated = set[0] is (byte)'!' or (byte)'^';
        set = negated ? set[1..] : set;
        var found = false;
        for (var i = 0; i < set.Length; i++)
        {
            if (i + 2 < set.Length && set[i + 1] == '-')
            {
                found |= value >= set[i] && value <= set[i + 2];
                i += 2;
            }
            else
            {
                found |= set[i] == value;
            }
        }

        return found != negated;
    }

    // A ']' that comes first in the class is a member of it.
    private int ClassEnd(int open)
    {
        var start = open + 1;
        if (start < _pattern.Length && _pattern[start] is (byte)'!' or (byte)'^')
        {
            start++;
        }

        return start < _pattern.Length ? Array.IndexOf(_pattern, (byte)']', Math.Min(start + 1, _pattern.Length)) : -1;
    }
}
