using System.Numerics;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering.Activations;

/// <summary>Finds how many of a number of descending entries are greater than R8. Without branches: the verifier would follow each of them anew.</summary>
internal static class ActivationSearch
{
    /// <summary>
    /// R1 = how many of the first R2 entries at R0 are greater than R8. All of them are below 2^63. R0 and R2 survive, R3 to R5 do not. Reads entries up to the first power of two above
    /// <paramref name="most"/>, less one.
    /// </summary>
    /// <param name="asm">Where the code goes.</param>
    /// <param name="entries">The offset of the entries from R0.</param>
    /// <param name="most">The most entries that there are.</param>
    internal static void Emit(Assembler asm, int entries, int most)
    {
        var mask = (int)BitOperations.RoundUpToPowerOf2((uint)most) - 1;
        asm.Mov(Register.R1, 0);
        for (var shift = BitOperations.Log2((uint)most); shift >= 0; shift--)
        {
            asm.Mov(Register.R3, Register.R1);
            asm.Add(Register.R3, (1 << shift) - 1);
            asm.Mov(Register.R4, Register.R3);
            asm.And(Register.R4, mask);
            asm.Lsh(Register.R4, 3);
            asm.Add(Register.R4, Register.R0);
            asm.Load(MemorySize.DW, Register.R4, Register.R4, entries);
            // A difference is negative where the entry is greater, or the place is one that is in use.
            asm.Mov(Register.R5, Register.R8);
            asm.Sub(Register.R5, Register.R4);
            asm.Sub(Register.R3, Register.R2);
            asm.And(Register.R5, Register.R3);
            asm.Rsh(Register.R5, 63);
            if (shift > 0)
                asm.Lsh(Register.R5, shift);
            asm.Add(Register.R1, Register.R5);
        }
    }
}
