namespace StackDepth.Native.Unwind;

/// <summary>Recognises the few DWARF expressions that compilers, linkers and libcs write in call-frame information. The others are not evaluated, but reported.</summary>
internal static class CfiExpression
{
    private const byte Deref = 0x06;
    private const byte AddConstant = 0x23;
    private const byte BaseRegister = 0x70;
    private const byte BaseRegister31 = 0x8f;

    /// <summary>The value of the CFA.</summary>
    internal static (CfaForm Form, ulong Register, long Offset) ReadCfa(ReadOnlySpan<byte> expression)
    {
        if (IsProcedureLinkage(expression, out var least))
        {
            return (CfaForm.ProcedureLinkage, 0, least);
        }

        if (!TryReadRegisterPlusOffset(expression, out var register, out var offset, out var isDereferenced))
        {
            return (CfaForm.OtherExpression, 0, 0);
        }

        return (isDereferenced, register) switch
        {
            (false, _) => (CfaForm.RegisterExpression, register, offset),
            (true, CfiState.BasePointerRegister) => (CfaForm.AtBasePointer, 0, offset),
            (true, CfiState.StackPointerRegister) => (CfaForm.AtStackPointer, 0, offset),
            _ => (CfaForm.OtherExpression, 0, 0),
        };
    }

    /// <summary>The address at which a register is saved.</summary>
    internal static (SavedForm Form, long Offset) ReadPlace(ReadOnlySpan<byte> expression)
    {
        if (!TryReadRegisterPlusOffset(expression, out var register, out var offset, out var isDereferenced) || isDereferenced)
        {
            return (SavedForm.Other, 0);
        }

        return register switch
        {
            CfiState.BasePointerRegister => (SavedForm.AtBasePointer, offset),
            CfiState.StackPointerRegister => (SavedForm.AtStackPointer, offset),
            _ => (SavedForm.Other, 0),
        };
    }

    // What binutils' linkers write for .plt (bfd/elfxx-x86.c, elf_x86_64_eh_frame_plt): rsp + 8 + ((rip & 15) >= N) << 3.
    private static bool IsProcedureLinkage(ReadOnlySpan<byte> expression, out long least)
    {
        const byte literal0 = 0x30, literal31 = 0x4f;
        least = 0;
        if (expression is not [0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, >= literal0 and <= literal31 and var literal, 0x2a, 0x33, 0x24, 0x22])
        {
            return false;
        }

        least = literal - literal0;
        return true;
    }

    private static bool TryReadRegisterPlusOffset(ReadOnlySpan<byte> expression, out ulong register, out long offset, out bool isDereferenced)
    {
        (register, offset, isDereferenced) = (0, 0, false);
        var reader = new CfiReader(expression, 0);
        var operation = reader.U8();
        if (operation is < BaseRegister or > BaseRegister31)
        {
            return false;
        }

        register = (ulong)(operation - BaseRegister);
        offset = reader.Sleb();
        while (!reader.AtEnd && !isDereferenced)
        {
            switch (reader.U8())
            {
                case AddConstant:
                    offset = unchecked(offset + (long)reader.Uleb());
                    break;
                case Deref:
                    isDereferenced = true;
                    break;
                default:
                    return false;
            }
        }

        return !reader.Failed && reader.AtEnd;
    }
}
