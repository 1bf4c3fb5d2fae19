using StackDepth.Native.Asm;

namespace StackDepth.Native.Usdt;

/// <summary>Emits the load of an argument in a uprobe's program.</summary>
internal static class UsdtArgumentLoad
{
    /// <summary>Loads an argument into r0, extended to 64 bits by its sign. Changes r0 to r5.</summary>
    /// <param name="code">Where to emit.</param>
    /// <param name="argument">Not an unsupported one.</param>
    /// <param name="context">The register with the program's context: r6 to r9.</param>
    /// <param name="scratch">Eight bytes of the stack, by their negative offset from r10: memory is copied there.</param>
    /// <param name="failed">Where to go when the memory cannot be read: it is not there, or not in memory now.</param>
    internal static void Emit(Assembler code, UsdtArgument argument, Register context, int scratch, Label failed)
    {
        switch (argument)
        {
            case { Operand: UsdtOperand.Constant }:
                code.LoadImmediate64(Register.R0, argument.Value);
                Extend(code, argument.Size, argument.IsSigned);
                break;
            case { Operand: UsdtOperand.Register, Register: { } register }:
                code.Load(MemorySize.DW, Register.R0, context, register.ContextOffset);
                if (register.Shift != 0)
                {
                    code.Rsh(Register.R0, register.Shift);
                }

                Extend(code, Math.Min(argument.Size, register.Size), argument.IsSigned);
                break;
            case { Operand: UsdtOperand.Memory, Register: { } register }:
                EmitAddress(code, argument, register, context);
                code.Mov(Register.R1, Register.R10);
                code.Add(Register.R1, scratch);
                code.Mov(Register.R2, argument.Size);
                code.Call(HelperId.ProbeReadUser);
                code.JumpIf(JumpOp.JNE, Register.R0, 0, failed);
                code.Load(Size(argument.Size), Register.R0, Register.R10, scratch);
                Extend(code, argument.Size, argument.IsSigned);
                break;
            default:
                throw new ArgumentException($"The argument cannot be loaded: {argument.Problem}.", nameof(argument));
        }
    }

    private static void EmitAddress(Assembler code, UsdtArgument argument, UsdtRegister register, Register context)
    {
        code.Load(MemorySize.DW, Register.R3, context, register.ContextOffset);
        if (argument.Index is { } index)
        {
            code.Load(MemorySize.DW, Register.R1, context, index.ContextOffset);
            code.Lsh(Register.R1, System.Numerics.BitOperations.Log2((uint)argument.Scale));
            code.Add(Register.R3, Register.R1);
        }

        if (argument.Value is >= int.MinValue and <= int.MaxValue)
        {
            code.Add(Register.R3, (int)argument.Value);
        }
        else
        {
            code.LoadImmediate64(Register.R1, argument.Value);
            code.Add(Register.R3, Register.R1);
        }
    }

    private static void Extend(Assembler code, int bytes, bool isSigned)
    {
        if (bytes == 8)
        {
            return;
        }

        code.Lsh(Register.R0, 64 - bytes * 8);
        if (isSigned)
        {
            code.Arsh(Register.R0, 64 - bytes * 8);
        }
        else
        {
            code.Rsh(Register.R0, 64 - bytes * 8);
        }
    }

    private static MemorySize Size(int bytes) => bytes switch { 1 => MemorySize.B, 2 => MemorySize.H, 4 => MemorySize.W, _ => MemorySize.DW };
}
