using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Process filters and context fields. Each field is fetched once and kept in the BPF stack.</summary>
internal static class ContextLowering
{
    // struct pt_regs of x86-64, arch/x86/include/uapi/asm/ptrace.h: rdi, rsi, rdx, rcx, r8, r9.
    private static readonly int[] ArgumentOffsets = [112, 104, 96, 88, 72, 64];

    /// <summary>Where in the probe's context the register of the result is: rax.</summary>
    internal const int ReturnValueOffset = 80;

    /// <summary>Where in the probe's context the argument is.</summary>
    internal static int ArgumentOffset(int index) => ArgumentOffsets[index];

    internal static void Filter(LoweringContext context, ProcessScope scope)
    {
        if (scope is ProcessScope.Linked or ProcessScope.All)
            return;
        var asm = context.Asm;
        FetchIds(context);
        asm.Rsh(Register.R0, 32);
        switch (scope)
        {
            case ProcessScope.AllBut all:
                asm.JumpIf(JumpOp.JEQ, Register.R0, all.ProcessId, context.Leave);
                break;
            case ProcessScope.One one:
                asm.JumpIf(JumpOp.JNE, Register.R0, one.ProcessId, context.Leave);
                break;
            case ProcessScope.Followed:
                PidSet.Test(asm, Register.R0, context.Leave);
                break;
            default:
                throw IrNodes.Unknown(scope);
        }
    }

    internal static void Load(LoweringContext context, ContextField field)
    {
        var asm = context.Asm;
        switch (field)
        {
            // The halves of one value, on a little-endian machine.
            case ContextField.Tid or ContextField.Pid:
                if (context.PidTgid is null)
                    FetchIds(context);
                context.Fields[field] = context.PidTgid!.Value + (field == ContextField.Pid ? sizeof(int) : 0);
                return;
            case ContextField.Comm:
                var comm = context.Fields[field] = context.Allocate(EventLayout.CommBytes);
                context.AddressOfFrame(Register.R1, comm);
                asm.Mov(Register.R2, EventLayout.CommBytes);
                asm.Call(HelperId.GetCurrentComm);
                return;
            case ContextField.Function:
                FetchSite(context);
                break;
            case ContextField.Timestamp:
                asm.Call(HelperId.KtimeGetNs);
                break;
            // The halves of one value: the group's id is the upper one.
            case ContextField.Uid or ContextField.Gid:
                if (context.GidUid is null)
                {
                    asm.Call(HelperId.GetCurrentUidGid);
                    context.GidUid = context.Allocate(sizeof(long));
                    asm.Store(MemorySize.DW, Register.R10, context.GidUid.Value, Register.R0);
                }
                context.Fields[field] = context.GidUid.Value + (field == ContextField.Gid ? sizeof(int) : 0);
                return;
            case ContextField.Cpu:
                asm.Call(HelperId.GetSmpProcessorId);
                break;
            case ContextField.CgroupId:
                asm.Call(HelperId.GetCurrentCgroupId);
                break;
            case ContextField.Elapsed:
                SessionLowering.Elapsed(context);
                break;
            default:
                throw IrNodes.Unknown(field);
        }
        var offset = context.Fields[field] = context.Allocate(sizeof(long));
        asm.Store(MemorySize.DW, Register.R10, offset, Register.R0);
    }

    /// <summary>R0 = the number of the site that was hit.</summary>
    internal static void FetchSite(LoweringContext context)
    {
        var asm = context.Asm;
        if (!context.Probe.HasCookie)
        {
            asm.Mov(Register.R0, context.Target.FirstSite);
            return;
        }
        asm.Mov(Register.R1, Register.R6);
        asm.Call(HelperId.GetAttachCookie);
    }

    /// <summary>Asks whether the thread is in the cgroup whose folder the map holds (Linux 4.9).</summary>
    internal static void Load(LoweringContext context, IrInCgroup cgroup)
    {
        var asm = context.Asm;
        asm.LoadMap(Register.R1, MapNames.Cgroups);
        asm.Mov(Register.R2, context.CgroupFolders.IndexOf(cgroup.Path));
        asm.Call(HelperId.CurrentTaskUnderCgroup);
        var offset = context.Cgroups[cgroup] = context.Allocate(sizeof(long));
        asm.Store(MemorySize.DW, Register.R10, offset, Register.R0);
    }

    /// <summary>R0 = the ids, kept in the BPF stack when a later step wants them.</summary>
    private static void FetchIds(LoweringContext context)
    {
        var asm = context.Asm;
        asm.Call(HelperId.GetCurrentPidTgid);
        if (!context.NeedsIds)
            return;
        context.PidTgid = context.Allocate(sizeof(long));
        asm.Store(MemorySize.DW, Register.R10, context.PidTgid.Value, Register.R0);
    }
}
