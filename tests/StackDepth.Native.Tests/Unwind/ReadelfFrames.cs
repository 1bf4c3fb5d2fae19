using System.Diagnostics;
using System.Globalization;

namespace StackDepth.Native.Tests.Unwind;

/// <summary>One row that readelf prints: virtual addresses, and its words for the CFA, rbp and the return address.</summary>
internal readonly record struct ReadelfRow(ulong Address, ulong End, string Cfa, string BasePointer, string StackPointer, string ReturnAddress, bool IsSignal, bool IsDebugFrame);

/// <summary>The rows of a file as <c>readelf --debug-dump=frames-interp</c> tells them: another reader of the same format.</summary>
internal static class ReadelfFrames
{
    /// <summary>Rows as they are printed, until the reader of the sequence stops.</summary>
    internal static IEnumerable<ReadelfRow> Read(string path)
    {
        // N: not those of separate debug files.
        using var process = Process.Start(new ProcessStartInfo("readelf", ["-wFN", path]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        try
        {
            foreach (var row in Parse(process.StandardOutput))
            {
                yield return row;
            }
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    private static IEnumerable<ReadelfRow> Parse(TextReader reader)
    {
        var signals = new HashSet<string>();
        var isSignal = false;
        var isDebugFrame = false;
        var isFunction = false;
        var end = 0UL;
        int cfa = -1, basePointer = -1, stackPointer = -1, returnAddress = -1, columns = 0;
        ReadelfRow? held = null;
        while (reader.ReadLine() is { } line)
        {
            // A register is written twice: r11 (r11).
            var words = Array.FindAll(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), static word => word[0] != '(');
            if (line.StartsWith("Contents of", StringComparison.Ordinal))
            {
                isDebugFrame = line.Contains(".debug_frame", StringComparison.Ordinal);
                signals.Clear();
            }

            if (words.Length > 3 && (words[3] == "CIE" || words[3] == "FDE"))
            {
                if (held is { } last)
                {
                    yield return last with { End = end };
                    held = null;
                }

                isFunction = words[3] == "FDE";
                columns = 0;
                if (!isFunction)
                {
                    if (words.Length > 4 && words[4].Contains('S', StringComparison.Ordinal))
                    {
                        signals.Add(words[0]);
                    }

                    continue;
                }

                isSignal = signals.Contains(words[4]["cie=".Length..]) || signals.Contains(words[4]["cie=".Length..].TrimStart('0').PadLeft(8, '0'));
                var range = words[5]["pc=".Length..].Split("..");
                end = Hex(range[1]);
            }
            else if (words is ["LOC", "CFA", ..])
            {
                cfa = 1;
                basePointer = Array.IndexOf(words, "rbp");
                stackPointer = Array.IndexOf(words, "rsp");
                returnAddress = Array.IndexOf(words, "ra");
                columns = words.Length;
            }
            else if (isFunction && columns > 0 && words.Length == columns && words[0].Length == 16)
            {
                var address = Hex(words[0]);
                if (held is { } before)
                {
                    yield return before with { End = address };
                }

                held = new(address, 0, words[cfa], basePointer < 0 ? "u" : words[basePointer], stackPointer < 0 ? "u" : words[stackPointer], returnAddress < 0 ? "?" : words[returnAddress], isSignal, isDebugFrame);
            }
        }

        if (held is { } final)
        {
            yield return final with { End = end };
        }
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
