using System.Text;

namespace StackDepth.Core.Tests.Golden;

/// <summary>The difference between two texts, line by line: <c>-</c> only expected, <c>+</c> only actual.</summary>
internal static class Lines
{
    private const int Context = 3;

    internal static string Difference(string expected, string actual)
    {
        var (left, right) = (expected.Split('\n'), actual.Split('\n'));
        var common = CommonLengths(left, right);
        List<string> lines = [];
        var (l, r) = (0, 0);
        while (l < left.Length || r < right.Length)
        {
            if (l < left.Length && r < right.Length && left[l] == right[r])
            {
                lines.Add("  " + left[l++]);
                r++;
            }
            else if (r == right.Length || (l < left.Length && common[l + 1, r] >= common[l, r + 1]))
            {
                lines.Add("- " + left[l++]);
            }
            else
            {
                lines.Add("+ " + right[r++]);
            }
        }
        return Shorten(lines);
    }

    /// <summary>The lengths of the longest common subsequences of what follows each pair of lines.</summary>
    private static int[,] CommonLengths(string[] left, string[] right)
    {
        var lengths = new int[left.Length + 1, right.Length + 1];
        for (var l = left.Length - 1; l >= 0; l--)
        {
            for (var r = right.Length - 1; r >= 0; r--)
                lengths[l, r] = left[l] == right[r] ? lengths[l + 1, r + 1] + 1 : int.Max(lengths[l + 1, r], lengths[l, r + 1]);
        }
        return lengths;
    }

    private static string Shorten(List<string> lines)
    {
        var text = new StringBuilder();
        var hidden = false;
        for (var index = 0; index < lines.Count; index++)
        {
            var near = lines.Skip(index - Context).Take(int.Min(index, Context) + 1 + Context).Any(static line => line[0] != ' ');
            if (near)
                text.Append(lines[index]).Append('\n');
            else if (!hidden)
                text.Append("  ...\n");
            hidden = !near;
        }
        return text.ToString();
    }
}
