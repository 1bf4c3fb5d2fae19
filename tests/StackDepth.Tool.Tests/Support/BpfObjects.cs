using System.Globalization;
using System.Runtime.InteropServices;

namespace StackDepth.Tool.Tests.Support;

/// <summary>Programs, maps and links that the kernel has, and who holds them (BPF_PROG_GET_NEXT_ID and its like, Linux 4.13; needs CAP_SYS_ADMIN).</summary>
internal static unsafe partial class BpfObjects
{
    private const int SystemCall = 321; // bpf, on x86-64
    private static readonly (string Kind, int NextId)[] s_kinds = [("prog_id", 11), ("map_id", 12), ("link_id", 31)];

    /// <summary>All, by kind and number.</summary>
    internal static HashSet<(string Kind, uint Id)> All()
    {
        HashSet<(string Kind, uint Id)> found = [];
        var attribute = stackalloc uint[4];
        foreach (var (kind, nextId) in s_kinds)
        {
            new Span<uint>(attribute, 4).Clear();
            while (Bpf(SystemCall, nextId, attribute, 4 * sizeof(uint)) == 0)
            {
                found.Add((kind, attribute[1]));
                attribute[0] = attribute[1];
            }
        }
        return found;
    }

    /// <summary>Those that no process has a descriptor of.</summary>
    internal static HashSet<(string Kind, uint Id)> Orphans()
    {
        var orphans = All();
        foreach (var process in Directory.GetDirectories("/proc").Where(static path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                foreach (var info in Directory.GetFiles($"{process}/fdinfo"))
                {
                    foreach (var line in File.ReadLines(info))
                    {
                        if (line.Split(':') is [var name, var number] && s_kinds.Any(kind => kind.Kind == name) && uint.TryParse(number, CultureInfo.InvariantCulture, out var id))
                            orphans.Remove((name, id));
                    }
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended, or closed the file; or it is a container's, whose processes hold none of ours.
            }
        }
        return orphans;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Bpf(long number, int command, uint* attribute, uint size);
}
