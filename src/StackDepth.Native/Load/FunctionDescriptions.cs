using System.Collections.Immutable;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>
/// BTF and func_info for a program of more than one function. The kernel wants exactly one record for each function that it finds, in order, so the functions
/// are taken from the calls and references in the code; the spec gives their names.
/// </summary>
internal sealed class FunctionDescriptions : IDisposable
{
    private FunctionDescriptions(FileDescriptor btf, FunctionInfoRecord[] records)
    {
        Btf = btf;
        Records = records;
    }

    internal FileDescriptor Btf { get; }

    internal FunctionInfoRecord[] Records { get; }

    /// <summary>Null for a program of one function.</summary>
    internal static FunctionDescriptions? For(ProgramSpec spec, SystemCalls sys)
    {
        var entries = EntrySlots(spec.Instructions);
        if (entries.Count < 2)
        {
            return null;
        }

        var names = spec.Functions.IsDefault ? [] : spec.Functions;
        var builder = new BtfBuilder();
        var main = builder.AddFunctionPrototype(builder.Int32, builder.PointerToVoid);
        var callback = builder.AddFunctionPrototype(builder.Int64, builder.UInt64, builder.PointerToVoid);
        var records = new FunctionInfoRecord[entries.Count];
        var at = 0;
        foreach (var slot in entries)
        {
            var name = names.FirstOrDefault(f => f.Slot == slot).Name ?? $"function_{slot}";
            records[at++] = new FunctionInfoRecord { InstructionOffset = (uint)slot, TypeId = builder.AddFunction(name, slot == 0 ? main : callback) };
        }

        return new FunctionDescriptions(BtfObject.Load(builder.Build(), sys), records);
    }

    public void Dispose() => Btf.Dispose();

    private static SortedSet<int> EntrySlots(ImmutableArray<Instruction> instructions)
    {
        var entries = new SortedSet<int> { 0 };
        var slot = 0;
        foreach (var instruction in instructions)
        {
            // Both kinds of reference count from the slot after the instruction's first.
            var isCall = instruction.Code == (Opcode.BPF_JMP | Opcode.BPF_CALL) && (byte)instruction.Src == Opcode.BPF_PSEUDO_CALL;
            var isReference = instruction.Code == Opcode.LoadImmediate64Code && (byte)instruction.Src == Opcode.BPF_PSEUDO_FUNC;
            if (isCall || isReference)
            {
                entries.Add(slot + 1 + (int)instruction.Immediate);
            }

            slot += instruction.Slots;
        }

        return entries;
    }
}
