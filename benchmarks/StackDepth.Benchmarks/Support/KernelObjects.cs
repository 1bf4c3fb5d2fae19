using System.Globalization;
using System.Runtime.InteropServices;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Benchmarks.Support;

/// <summary>BPF programs and maps of any process, as the kernel shows them: the same way to look at both sides.</summary>
internal static unsafe class KernelObjects
{
    private const BpfCommand ProgGetFdById = (BpfCommand)13;
    private const BpfCommand MapGetFdById = (BpfCommand)14;

    /// <summary>The kernel memory that the maps and programs held by a process take, in bytes, as the kernel accounts it.</summary>
    internal static (long Maps, long Programs) Memory(int pid)
    {
        Dictionary<string, long> maps = [], programs = [];
        foreach (var info in Descriptors(pid))
        {
            var bytes = ProcText.Field(info, "memlock") is { } memlock ? long.Parse(memlock, CultureInfo.InvariantCulture) : 0;
            if (ProcText.Field(info, "map_id") is { } map)
                maps[map] = bytes;
            else if (ProcText.Field(info, "prog_id") is { } program && ProcText.Field(info, "link_id") is null)
                programs[program] = bytes;
        }
        return (maps.Values.Sum(), programs.Values.Sum());
    }

    /// <summary>The resident memory of a process and the part of it that is not file pages, in bytes.</summary>
    internal static (long Resident, long Anonymous) Resident(int pid)
    {
        var status = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status"));
        return (Kilobytes("VmRSS"), Kilobytes("RssAnon"));

        long Kilobytes(string name) => 1024 * long.Parse(ProcText.Field(status, name)!.Split(' ')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>The one program on a uprobe that a process holds, beside those that it held before.</summary>
    internal static OpenProgram UprobeProgram(int pid, IReadOnlyCollection<uint>? before = null)
    {
        var ids = UprobePrograms(pid).Except(before ?? []).ToArray();
        return ids is [var id]
            ? new(Open(ProgGetFdById, id))
            : throw new InvalidOperationException($"Process {pid} holds {ids.Length} programs on uprobes, not one.");
    }

    /// <summary>The kernel's ids of the programs on uprobes that a process holds.</summary>
    internal static HashSet<uint> UprobePrograms(int pid) =>
    [
        .. Descriptors(pid)
            .Where(static info => ProcText.Field(info, "prog_type") is "2" && ProcText.Field(info, "prog_id") is not null)
            .Select(static info => uint.Parse(ProcText.Field(info, "prog_id")!, CultureInfo.InvariantCulture)),
    ];

    internal static FileDescriptor OpenMap(uint id) => Open(MapGetFdById, id);

    /// <summary>The kernel's id of a map.</summary>
    internal static uint MapId(BpfMap map)
    {
        var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{map.Fd}"));
        return uint.Parse(ProcText.Field(text, "map_id")!, CultureInfo.InvariantCulture);
    }

    private static FileDescriptor Open(BpfCommand command, uint id)
    {
        var attribute = new GetFdByIdAttribute { Id = id };
        return KernelCall.BpfDescriptor(SystemCalls.Real, command, ref attribute, out var errno)
            ?? throw new InvalidOperationException($"{command} of id {id} failed: {errno}.");
    }

    private static IEnumerable<string> Descriptors(int pid)
    {
        var folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fdinfo");
        foreach (var file in Directory.GetFiles(folder))
        {
            if (SystemCalls.Real.ReadText(file) is { } text)
                yield return text;
        }
    }

    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct GetFdByIdAttribute
    {
        [FieldOffset(0)] internal uint Id;
    }
}

/// <summary>A program of another process, kept alive while its counters are read.</summary>
internal sealed unsafe class OpenProgram(FileDescriptor handle) : IDisposable
{
    /// <summary>Time spent in the program and how often it ran, since the statistics are on.</summary>
    internal (ulong Nanoseconds, ulong Runs) Counters => Info is var info ? (info.RunTimeNanoseconds, info.RunCount) : default;

    /// <summary>The instructions of the program as the verifier left it, in 8-byte slots.</summary>
    internal int Instructions => (int)Info.TranslatedLength / 8;

    private ProgramInfoRecord Info
    {
        get
        {
            ProgramInfoRecord record = default;
            var attribute = new ObjectInfoAttribute { BpfFd = (uint)handle.Value, InfoLength = (uint)sizeof(ProgramInfoRecord), Info = (ulong)&record };
            var result = KernelCall.Bpf(SystemCalls.Real, BpfCommand.ObjGetInfoByFd, ref attribute);
            return result < 0 ? throw new InvalidOperationException($"The program's counters cannot be read: {(Errno)(-result)}.") : record;
        }
    }

    public void Dispose() => handle.Dispose();
}
