namespace StackDepth.Tool.Diagnostics;

/// <summary>Finds the name that a mistyped one was meant to be.</summary>
internal static class NearestName
{
    /// <summary>Null when no name is near.</summary>
    internal static string? Of(string written, IEnumerable<string> names)
    {
        string? nearest = null;
        var least = int.Min(written.Length / 3, 3) + 1;
        foreach (var name in names)
        {
            var edits = Edits(written, name);
            if (edits >= least || edits == name.Length)
                continue;
            nearest = name;
            least = edits;
        }
        return nearest;
    }

    /// <summary>Characters to insert, delete, replace, or swap with their neighbour (optimal string alignment).</summary>
    private static int Edits(string left, string right)
    {
        var table = new int[left.Length + 1, right.Length + 1];
        for (var row = 0; row <= left.Length; row++)
        {
            for (var column = 0; column <= right.Length; column++)
            {
                if (row == 0 || column == 0)
                {
                    table[row, column] = row + column;
                    continue;
                }
                var same = left[row - 1] == right[column - 1] ? 0 : 1;
                var edits = int.Min(int.Min(table[row - 1, column], table[row, column - 1]) + 1, table[row - 1, column - 1] + same);
                if (row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1])
                    edits = int.Min(edits, table[row - 2, column - 2] + 1);
                table[row, column] = edits;
            }
        }
        return table[left.Length, right.Length];
    }
}
