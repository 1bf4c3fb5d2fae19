using System.Buffers.Binary;
using System.Text;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Texts: those in memory are read once into the BPF stack, where the comm is too, and compared there.</summary>
internal static class TextLowering
{
    /// <summary>Reads the text; a hit at which it cannot be read is counted and leaves the program.</summary>
    internal static void Load(LoweringContext context, IrMemoryText text)
    {
        var asm = context.Asm;
        var buffer = context.Texts[text] = context.Allocate(text.WireBytes);
        context.LoadResults();
        for (var part = 0; part < text.WireBytes; part += sizeof(long))
            asm.Store(MemorySize.DW, Register.R10, buffer + part, 0);
        Read(context, text, buffer);
        var read = asm.CreateLabel("text read");
        var whole = asm.CreateLabel("all of the text");
        // Of an empty text of a process older kernels answer 0, and not 1 (strncpy_from_user_nofault, mm/maccess.c: seen on 6.1 and 6.12).
        asm.JumpIf(JumpOp.JSGE, Register.R0, 0, read);
        context.Increment(HealthCounter.ReadErrors);
        asm.Jump(context.Leave);
        asm.Place(read);
        asm.JumpIf(JumpOp.JLT, Register.R0, text.ReadBytes, whole);
        asm.Store(MemorySize.B, Register.R10, buffer + text.MaxBytes, 0);
        asm.Store(MemorySize.B, Register.R10, buffer + text.WireBytes - 1, 1);
        asm.Note("the text was cut");
        asm.Place(whole);
    }

    /// <summary>Stores a text in the wire form at <paramref name="pointer"/> + <paramref name="offset"/>.</summary>
    internal static void Store(LoweringContext context, IrExpression text, Register pointer, int offset)
    {
        var asm = context.Asm;
        var (place, bytes) = Find(context, text);
        for (var part = 0; part < bytes; part += sizeof(long))
        {
            asm.Load(MemorySize.DW, Register.R1, Register.R10, place + part);
            asm.Store(MemorySize.DW, pointer, offset + part, Register.R1);
        }
    }

    /// <summary>Compares by 8 bytes: all of the text, which is padded with zeroes, or those of a prefix.</summary>
    internal static void Branch(LoweringContext context, IrExpression operand, string text, bool whole, Label target, bool whenEqual, Register work, ScratchRegisters free)
    {
        var asm = context.Asm;
        var (place, size) = Find(context, operand);
        var bytes = new byte[size];
        var length = Encoding.UTF8.GetBytes(text, bytes);
        var different = whenEqual ? asm.CreateLabel("different") : target;
        for (var part = 0; part < (whole ? size : length); part += sizeof(long))
        {
            asm.Load(MemorySize.DW, work, Register.R10, place + part);
            if (!whole && length - part < sizeof(long))
                asm.Lsh(work, (sizeof(long) - (length - part)) * 8);
            var expected = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(part));
            if (!whole && length - part < sizeof(long))
                expected <<= (sizeof(long) - (length - part)) * 8;
            if (expected is >= int.MinValue and <= int.MaxValue)
            {
                asm.JumpIf(JumpOp.JNE, work, (int)expected, different);
                continue;
            }
            asm.LoadImmediate64(free.First, expected);
            asm.JumpIf(JumpOp.JNE, work, free.First, different);
        }
        if (whenEqual)
        {
            asm.Jump(target);
            asm.Place(different);
        }
    }

    /// <summary>R0 = how many bytes were read, the NUL among them, or an error. R6 = the probe's context.</summary>
    private static void Read(LoweringContext context, IrMemoryText text, int buffer)
    {
        var asm = context.Asm;
        int? most = null;
        var inRecord = false;
        switch (text)
        {
            case IrArgumentText argument:
                asm.Load(MemorySize.DW, Register.R3, Register.R6, ContextLowering.ArgumentOffset(argument.Index));
                break;
            case IrFieldText field:
                most = FieldLowering.Address(context, field, Register.R3);
                inRecord = context.Target.Named[field.Place] is TextPlace;
                break;
            default:
                throw IrNodes.Unknown(text);
        }
        context.AddressOfFrame(Register.R1, buffer);
        // The kernel puts a NUL behind what it takes of an array that has none.
        asm.Mov(Register.R2, int.Min(text.ReadBytes, most + 1 ?? int.MaxValue));
        if (inRecord)
        {
            asm.Call(HelperId.ProbeReadKernelStr);
            return;
        }
        if (context.Probe.HasUserRegisters)
        {
            asm.Call(HelperId.ProbeReadUserStr);
            return;
        }
        // A function of the kernel is given texts of either: addresses of the kernel have their highest bit set.
        var ofKernel = asm.CreateLabel("the kernel's text");
        var end = asm.CreateLabel("end");
        asm.JumpIf(JumpOp.JSLT, Register.R3, 0, ofKernel);
        asm.Call(HelperId.ProbeReadUserStr);
        asm.Jump(end);
        asm.Place(ofKernel);
        asm.Call(HelperId.ProbeReadKernelStr);
        asm.Place(end);
    }

    /// <summary>Where in the BPF stack the text lies, and how many bytes it takes.</summary>
    private static (int Place, int Bytes) Find(LoweringContext context, IrExpression text) => text switch
    {
        IrContext { Field: ContextField.Comm } comm => (context.Fields[comm.Field], EventLayout.CommBytes),
        IrMemoryText memory => (context.Texts[memory], memory.WireBytes),
        _ => throw IrNodes.Unknown(text),
    };
}
