using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Python;

namespace StackDepth.Compile.Lowering.Python;

/// <summary>What the functions that count Python frames share: in each of them R6 is the memory of the count.</summary>
internal sealed class PythonCode(Assembler asm, KernelOffsets offsets, int maxFrames)
{
    /// <summary>The slot of a function that holds the context of its callback. Functions nest three deep at most, as those of a walk do: see <see cref="Walks.StackWalker.StackBytes"/>.</summary>
    internal const int Context = -8;

    internal Assembler Asm { get; } = asm;

    internal KernelOffsets Offsets { get; } = offsets;

    internal int MaxFrames { get; } = maxFrames;

    /// <summary>R1 = the memory; R0 = 0 where the runtime and its layout are found, else the reason.</summary>
    internal Label Locate { get; } = asm.CreateLabel("locate the runtime");

    /// <summary>What bpf_loop calls to look up a mapping.</summary>
    internal Label LookUp { get; } = asm.CreateLabel("look up a mapping");

    /// <summary>What bpf_find_vma calls.</summary>
    internal Label Mapping { get; } = asm.CreateLabel("mapping");

    /// <summary>R1 = the memory; R0 = 0 where the search for the thread's state came to its end, else the reason.</summary>
    internal Label FindState { get; } = asm.CreateLabel("find the thread's state");

    internal Label StateStep { get; } = asm.CreateLabel("state step");

    /// <summary>R1 = the memory; R0 says whose the state is: see <see cref="PythonStates"/>.</summary>
    internal Label ReadState { get; } = asm.CreateLabel("read a state");

    internal Label FrameStep { get; } = asm.CreateLabel("frame step");

    internal void Load(Register destination, int field) => Asm.Load(MemorySize.DW, destination, Register.R6, field);

    internal void Store(int field, Register source) => Asm.Store(MemorySize.DW, Register.R6, field, source);

    internal void Store(int field, int value) => Asm.Store(MemorySize.DW, Register.R6, field, value);

    internal void Layout(Register destination, int field) => Asm.Load(MemorySize.W, destination, Register.R6, PythonMemory.Layout + field);

    /// <summary><paramref name="destination"/> = the field of the structure that was read last, by its place in the layout.</summary>
    internal void Field(Register destination, int field, MemorySize size = MemorySize.DW)
    {
        Layout(destination, field);
        // Layouts are checked (PythonLayout.IsSane); the verifier wants it said here.
        Asm.And(destination, size switch { MemorySize.DW => 0xf8, MemorySize.W => 0xfc, _ => 0xff });
        Asm.Add(destination, Register.R6);
        Asm.Load(size, destination, destination, PythonMemory.Buffer);
    }

    /// <summary>Reads a structure whose address is in R3, as long as the layout says, into the buffer; goes to <paramref name="failed"/> where it is not there. Changes R0 to R5.</summary>
    internal void ReadStructure(int bytesField, Label failed)
    {
        Layout(Register.R2, bytesField);
        Asm.JumpIf(JumpOp.JGT, Register.R2, PythonLayout.MostBytes, failed);
        Asm.Mov(Register.R1, Register.R6);
        Asm.Add(Register.R1, PythonMemory.Buffer);
        Asm.Call(HelperId.ProbeReadUser);
        Asm.JumpIf(JumpOp.JNE, Register.R0, 0, failed);
    }

    /// <summary>R0 = the word of the process at the address in R3; goes to <paramref name="failed"/> where it is not there. Changes R1 to R5.</summary>
    internal void ReadWord(Label failed)
    {
        Asm.Mov(Register.R1, Register.R6);
        Asm.Add(Register.R1, PythonMemory.Word);
        Asm.Mov(Register.R2, sizeof(long));
        Asm.Call(HelperId.ProbeReadUser);
        Asm.JumpIf(JumpOp.JNE, Register.R0, 0, failed);
        Load(Register.R0, PythonMemory.Word);
    }

    /// <summary>Goes to <paramref name="misaligned"/> where the address in <paramref name="address"/> is no multiple of 8. Changes R1.</summary>
    internal void RequireAligned(Register address, Label misaligned)
    {
        Asm.Mov(Register.R1, address);
        Asm.And(Register.R1, sizeof(long) - 1);
        Asm.JumpIf(JumpOp.JNE, Register.R1, 0, misaligned);
    }

    /// <summary>R0 = the value in a map of the key at the memory's <paramref name="key"/>, or 0.</summary>
    internal void Lookup(string map, int key)
    {
        Asm.LoadMap(Register.R1, map);
        Asm.Mov(Register.R2, Register.R6);
        Asm.Add(Register.R2, key);
        Asm.Call(HelperId.MapLookupElem);
    }

    /// <summary>Leaves the function with R0 = <paramref name="value"/>.</summary>
    internal void Return(int value, string? note = null)
    {
        Asm.Mov(Register.R0, value);
        if (note is not null)
            Asm.Note(note);
        Asm.Exit();
    }

    internal void Return(StackReason reason) => Return((int)reason, reason.ToString());

    /// <summary>Leaves a callback of bpf_loop, which then ends, with the reason.</summary>
    internal void End(StackReason reason)
    {
        Store(PythonMemory.End, (int)reason);
        Return(1, reason.ToString());
    }
}
