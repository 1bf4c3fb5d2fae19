using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Gets a wait over with, beside other work, that the first uprobe of a quiet machine has to make. The kernel keeps forks out while it writes breakpoints (<c>dup_mmap_sem</c> in
/// kernel/events/uprobes.c, a per-CPU semaphore): who comes first waits for an RCU grace period, 4 to 16 ms, who comes within about another one does not (kernel/rcu/sync.c). So
/// a uprobe is put on an empty file in memory, which nobody runs.
/// </summary>
internal static unsafe class UprobeGracePeriod
{
    private const uint CloseOnExec = 1; // MFD_CLOEXEC
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);
    private static readonly ManualResetEventSlim s_over = new();

    /// <summary>
    /// Waits for the grace period, and then, for a second at most, until <see cref="End"/>: to remove a uprobe is to wait for a grace period of another kind, which those who remove theirs
    /// at the same time share, and others wait for. Answers whether it came to that: a kernel without uprobe_multi (6.6), or without the privileges for it, does not let it.
    /// </summary>
    internal static bool Pass(SystemCalls sys)
    {
        s_over.Reset();
        try
        {
            using var link = Attach(sys);
            if (link is not null)
                s_over.Wait(s_longest);
            return link is not null;
        }
        catch (KernelException)
        {
            return false; // what is missing is for the attachment to say
        }
    }

    /// <summary>Whoever is in <see cref="Pass"/> is to remove its uprobe now.</summary>
    internal static void End() => s_over.Set();

    private static UprobeMultiLink? Attach(SystemCalls sys)
    {
        using var file = new FileDescriptor(sys);
        file.Take(sys.MemoryFile("stackdepth", CloseOnExec));
        byte content = 0;
        if (file.IsInvalid || sys.Write(file.Value, &content, 1) != 1)
            return null;
        using var program = BpfProgram.Load(Program(), new Dictionary<string, BpfMap>(), sys);
        return UprobeMultiLink.TryAttach(program, new($"/proc/self/fd/{file.Value}", [0], [], Pid: 0, IsReturn: false), sys, out _);
    }

    private static ProgramSpec Program()
    {
        var code = new Assembler();
        code.Mov(Register.R0, 0);
        code.Exit();
        return new() { Name = "grace_period", Type = ProgramType.Kprobe, ExpectedAttachType = AttachType.TraceUprobeMulti, Instructions = code.Assemble().Instructions };
    }
}
