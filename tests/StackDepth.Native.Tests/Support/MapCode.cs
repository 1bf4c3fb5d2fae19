using StackDepth.Native.Asm;

namespace StackDepth.Native.Tests.Support;

/// <summary>What programs of tests do with maps.</summary>
internal static class MapCode
{
    /// <summary>R0 is the value of the key at R10 + <paramref name="key"/>, or the program goes on at <paramref name="missing"/>. R1 to R5 are lost.</summary>
    internal static void LookUp(this Assembler code, string map, short key, Label missing)
    {
        code.LoadMap(Register.R1, map);
        code.Mov(Register.R2, Register.R10);
        code.Add(Register.R2, key);
        code.Call(HelperId.MapLookupElem);
        code.JumpIf(JumpOp.JEQ, Register.R0, 0, missing);
    }

    /// <summary>Adds 1 to the value at R0, of this CPU or of a single program. R1 is lost.</summary>
    internal static void AddOne(this Assembler code)
    {
        code.Load(MemorySize.DW, Register.R1, Register.R0, 0);
        code.Add(Register.R1, 1);
        code.Store(MemorySize.DW, Register.R0, 0, Register.R1);
    }
}
