using System.Buffers.Text;
using System.Text;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Kernel;

/// <summary>The functions that ftrace can trace, as tracefs lists them: with addresses since Linux 6.5, before that by name alone.</summary>
internal sealed class TraceableFunctions
{
    private static readonly string[] s_folders = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    /// <summary>How far behind a function's start the call of ftrace lies at most: behind <c>endbr64</c> (x86), or <c>bti</c> and another instruction (arm64).</summary>
    private const ulong MostBehindStart = 8;

    private readonly ulong[] _addresses;
    private readonly HashSet<string> _names;

    private TraceableFunctions(ulong[] addresses, HashSet<string> names) => (_addresses, _names) = (addresses, names);

    /// <summary>Null where tracefs is not mounted or may not be read.</summary>
    internal static TraceableFunctions? Read(SystemCalls sys)
    {
        foreach (var folder in s_folders)
        {
            if (KernelText.Read($"{folder}/available_filter_functions_addrs", sys) is { Length: > 0 } addresses)
            {
                return Parse(addresses, hasAddresses: true);
            }

            if (KernelText.Read($"{folder}/available_filter_functions", sys) is { Length: > 0 } names)
            {
                return Parse(names, hasAddresses: false);
            }
        }

        return null;
    }

    /// <summary>Parses lines of <c>[address ]name[ [module]]</c>.</summary>
    internal static TraceableFunctions Parse(ReadOnlySpan<byte> text, bool hasAddresses)
    {
        var addresses = new List<ulong>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (hasAddresses)
            {
                if (!Utf8Parser.TryParse(line, out ulong address, out var length, 'x') || line.Length < length + 2)
                {
                    continue;
                }

                line = line[(length + 1)..];
                if (address != 0)
                {
                    addresses.Add(address);
                    continue;
                }
            }

            var end = line.IndexOfAny((byte)' ', (byte)'\t');
            names.Add(Encoding.UTF8.GetString(end < 0 ? line : line[..end]));
        }

        addresses.Sort();
        return new TraceableFunctions([.. addresses], names);
    }

    internal bool Has(string name, ulong address)
    {
        if (_addresses.Length == 0 || address == 0)
        {
            return _names.Contains(name);
        }

        var at = Array.BinarySearch(_addresses, address);
        at = at < 0 ? ~at : at;
        return at < _addresses.Length && _addresses[at] - address <= MostBehindStart;
    }
}
