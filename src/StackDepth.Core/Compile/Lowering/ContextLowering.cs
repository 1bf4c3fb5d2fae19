using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Process filters and context fields. Each field is fetched once and kept in the BPF stack.</summary>
internal static class ContextLowering
{
    internal static void Filter(LoweringContext context, ProcessScope scope)
    {
        var asm = context.Asm;
        asm.Call(HelperId.GetCurrentPidTgid);
        if (context.NeedsIds)
        {
            context.PidTgid = context.Allocate(sizeof(long));
            asm.Store(MemorySize.DW, Register.R10, context.PidTgid, Register.R0);
        }
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
            // The halves of the value that the process filter fetched, on a little-endian machine.
            case ContextField.Tid:
                context.Fields[field] = context.PidTgid;
                return;
            case ContextField.Pid:
                context.Fields[field] = context.PidTgid + sizeof(int);
                return;
            case ContextField.Comm:
                var comm = context.Fields[field] = context.Allocate(EventLayout.CommBytes);
                context.AddressOfFrame(Register.R1, comm);
                asm.Mov(Register.R2, EventLayout.CommBytes);
                asm.Call(HelperId.GetCurrentComm);
                return;
            case ContextField.Function:
                asm.Mov(Register.R1, Register.R6);
                asm.Call(HelperId.GetAttachCookie);
                break;
            case ContextField.Timestamp:
                asm.Call(HelperId.KtimeGetNs);
                break;
            default:
                throw IrNodes.Unknown(field);
        }
        var offset = context.Fields[field] = context.Allocate(sizeof(long));
        asm.Store(MemorySize.DW, Register.R10, offset, Register.R0);
    }
}
