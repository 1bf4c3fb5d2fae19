using System.Collections.Immutable;
using System.Text;

namespace StackDepth.Native.Processes;

/// <summary>Splits a command line into arguments by the rules that <see cref="System.Diagnostics.ProcessStartInfo.Arguments"/> documents.</summary>
internal static class CommandLine
{
    /// <summary>
    /// Blanks and tabs separate. Double quotes group; two of them inside a quoted part are one literal quote. Backslashes are literal, except in front of a
    /// quote: there each pair is one backslash, and an odd one left over makes the quote literal. An unclosed quote reaches to the end.
    /// </summary>
    internal static ImmutableArray<string> Split(string commandLine)
    {
        ImmutableArray<string>.Builder arguments = ImmutableArray.CreateBuilder<string>();
        var current = new StringBuilder();
        bool inside = false;
        bool quoted = false;

        for (int i = 0; i < commandLine.Length; i++)
        {
            char c = commandLine[i];

            if (c is ' ' or '\t' && !quoted)
            {
                if (inside)
                {
                    arguments.Add(current.ToString());
                    current.Clear();
                    inside = false;
                }

                continue;
            }

            inside = true;

            if (c == '\\')
            {
                int run = 1;
                while (i + run < commandLine.Length && commandLine[i + run] == '\\')
                {
                    run++;
                }

                bool beforeQuote = i + run < commandLine.Length && commandLine[i + run] == '"';
                current.Append('\\', beforeQuote ? run / 2 : run);
                i += run - 1;

                if (beforeQuote && run % 2 == 1)
                {
                    current.Append('"');
                    i++;
                }
            }
            else if (c != '"')
            {
                current.Append(c);
            }
            else if (quoted && i + 1 < commandLine.Length && commandLine[i + 1] == '"')
            {
                current.Append('"');
                i++;
            }
            else
            {
                quoted = !quoted;
            }
        }

        if (inside)
        {
            arguments.Add(current.ToString());
        }

        return arguments.ToImmutable();
    }
}
