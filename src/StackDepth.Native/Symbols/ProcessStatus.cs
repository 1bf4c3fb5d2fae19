using System.Globalization;

namespace StackDepth.Native.Symbols;

/// <summary>What /proc says of a process.</summary>
/// <param name="StartTicks">When it began, in the kernel's clock ticks since boot: tells it from another process that got its number later.</param>
/// <param name="InnerPid">Its number in its own pid namespace, by which it calls itself.</param>
/// <param name="Users">The users that it runs as: real, effective, saved, and for files.</param>
internal sealed record ProcessStatus(ulong StartTicks, int InnerPid, IReadOnlyList<uint> Users)
{
    // USER_HZ, a constant of the ABI on x86-64 and arm64.
    private const ulong TicksPerSecond = 100;

    /// <summary>Reads it; null when there is no such process.</summary>
    internal static ProcessStatus? Read(int processId)
    {
        try
        {
            var directory = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}");
            if (StartTime(File.ReadAllText($"{directory}/stat")) is not { } start)
            {
                return null;
            }

            var inner = processId;
            uint[] users = [];
            foreach (var line in File.ReadLines($"{directory}/status"))
            {
                if (Words(line, "NSpid:") is [.., var last] && int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                {
                    inner = pid;
                }
                else if (Words(line, "Uid:") is { Length: > 0 } numbers)
                {
                    users = [.. numbers.Select(static number => uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var user) ? user : uint.MaxValue)];
                }
            }

            return new ProcessStatus(start, inner, users);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>When the process began, in seconds since 1970, by what the clock says now; null where the kernel does not tell.</summary>
    internal long? StartedAt()
    {
        try
        {
            foreach (var line in File.ReadLines("/proc/stat"))
            {
                if (Words(line, "btime") is [var text] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var boot))
                {
                    return boot + (long)(StartTicks / TicksPerSecond);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return null;
    }

    // The name in parentheses may hold anything; field 22 is the 20th behind it.
    internal static ulong? StartTime(string stat)
    {
        const int Field = 19;
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > Field && ulong.TryParse(fields[Field], NumberStyles.None, CultureInfo.InvariantCulture, out var start) ? start : null;
    }

    private static string[]? Words(string line, string label) =>
        line.StartsWith(label, StringComparison.Ordinal) ? line[label.Length..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) : null;
}
