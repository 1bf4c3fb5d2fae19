using StackDepth.Native.Asm;
using StackDepth.Native.Btf;

namespace StackDepth.Compile.Lowering;

/// <summary>
/// Finds the mapping of an address of the current task in the kernel (bpf_find_vma, Linux 5.17), for captures that need its bounds only. The kernel refuses while another thread
/// changes the mappings, which takes microseconds: it is asked again.
/// </summary>
internal sealed class MappingLookup(Assembler asm, KernelOffsets offsets)
{
    /// <summary>How often to ask; some 0.2 us each.</summary>
    private const int MostTries = 512;

    internal const int Busy = -16; // -EBUSY

    /// <summary>What the lookup works on, in the program's frame: the address, the result of the helper, and what the mapping is.</summary>
    internal const int Address = 0;

    internal const int Result = 8;
    internal const int Start = 16;
    internal const int End = 24;
    internal const int Flags = 32;
    internal const int Bytes = 40;

    private readonly Label _try = asm.CreateLabel("look up the mapping");
    private readonly Label _found = asm.CreateLabel("the mapping");

    /// <summary>Looks up the address that is stored in <paramref name="area"/>, of <see cref="Bytes"/> in the program's frame, and goes to <paramref name="failed"/> where there is none, with R1 = <see cref="Busy"/> if the kernel would not say. R6 to R9 survive.</summary>
    internal void Find(int area, Label failed)
    {
        // All is written beforehand: the verifier does not know that the functions write it.
        asm.Store(MemorySize.DW, Register.R10, area + Result, Busy);
        asm.Store(MemorySize.DW, Register.R10, area + Start, 0);
        asm.Store(MemorySize.DW, Register.R10, area + End, 0);
        asm.Store(MemorySize.DW, Register.R10, area + Flags, 0);
        asm.Mov(Register.R1, MostTries);
        asm.LoadFunction(Register.R2, _try);
        asm.Mov(Register.R3, Register.R10);
        asm.Add(Register.R3, area);
        asm.Mov(Register.R4, 0);
        asm.Call(HelperId.Loop);
        asm.Load(MemorySize.DW, Register.R1, Register.R10, area + Result);
        asm.JumpIf(JumpOp.JNE, Register.R1, 0, failed);
    }

    /// <summary>Places the functions; after the main function.</summary>
    internal void PlaceFunctions()
    {
        asm.Origin = "look up a mapping";
        asm.BeginFunction(_try, "find_mapping");
        asm.Mov(Register.R6, Register.R2);
        asm.Call(HelperId.GetCurrentTaskBtf);
        asm.Mov(Register.R1, Register.R0);
        asm.Load(MemorySize.DW, Register.R2, Register.R6, Address);
        asm.LoadFunction(Register.R3, _found);
        asm.Mov(Register.R4, Register.R6);
        asm.Mov(Register.R5, 0);
        asm.Call(HelperId.FindVma);
        asm.Store(MemorySize.DW, Register.R6, Result, Register.R0);
        var over = asm.CreateLabel("not busy");
        asm.JumpIf(JumpOp.JNE, Register.R0, Busy, over);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        asm.Place(over);
        asm.Mov(Register.R0, 1);
        asm.Exit();

        asm.Origin = "the bounds of a mapping";
        asm.BeginFunction(_found, "mapping_bounds");
        asm.Load(MemorySize.DW, Register.R1, Register.R2, offsets.MappingStart);
        asm.Store(MemorySize.DW, Register.R3, Start, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R2, offsets.MappingEnd);
        asm.Store(MemorySize.DW, Register.R3, End, Register.R1);
        asm.Load(MemorySize.DW, Register.R1, Register.R2, offsets.MappingFlags);
        asm.Store(MemorySize.DW, Register.R3, Flags, Register.R1);
        asm.Mov(Register.R0, 0);
        asm.Exit();
    }
}
