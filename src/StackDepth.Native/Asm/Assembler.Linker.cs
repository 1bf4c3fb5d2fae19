using System.Collections.Immutable;
using System.Runtime.InteropServices;
using StackDepth.Native.Spec;

namespace StackDepth.Native.Asm;

/// <summary>The last step: distances into instructions, and the checks that need the whole program.</summary>
internal sealed partial class Assembler
{
    /// <summary>The kernel's limit for privileged users (BPF_COMPLEXITY_LIMIT_INSNS), counted in slots.</summary>
    private const int MaxSlots = 1_000_000;

    /// <summary>Works on copies: the assembler itself stays as it is.</summary>
    private sealed class Linker(Assembler assembler)
    {
        private readonly Instruction[] _instructions = assembler._instructions.ToArray();
        private readonly List<AssemblyError> _errors = new(1);

        internal AssembledCode Link()
        {
            _errors.AddRange(assembler._errors);
            foreach (var reference in assembler._references)
                Resolve(reference);
            CheckFunctionEnds();
            if (assembler._slot > MaxSlots)
            {
                _errors.Add(new AssemblyError(_instructions.Length, assembler._slot, null,
                    $"the program is longer than the kernel's limit of {MaxSlots} slots"));
            }

            var functions = new FunctionInfo[assembler._functions.Count];
            for (var index = 0; index < functions.Length; index++)
                functions[index] = new FunctionInfo(assembler._functions[index].Name, assembler._functions[index].Slot);
            return new AssembledCode(ImmutableCollectionsMarshal.AsImmutableArray(_instructions), ImmutableCollectionsMarshal.AsImmutableArray(functions));
        }

        internal ImmutableArray<string> Messages() => _errors.Count == 0 ? [] :
        [
            // Origins and names can hold a target's names, which must not leave their line.
            .. _errors.OrderBy(error => error.Instruction).Select(error => InstructionText.Escape(
                $"instruction {error.Instruction} (slot {error.Slot}){(error.Origin is { } origin ? $", from '{origin}'" : "")}: {error.Message}")),
        ];

        private void Resolve(Reference reference)
        {
            var label = assembler._labels[reference.Label];
            var slot = assembler._slots[reference.Instruction];
            if (label.Function < 0)
            {
                Error(reference.Instruction, $"{reference.Kind.Verb()} to label '{label.Name}', which is never placed");
                return;
            }

            ref var instruction = ref _instructions[reference.Instruction];
            // The kernel counts from the slot after the first slot of the instruction, for 64-bit loads too (add_subprog of insn index + imm + 1).
            var distance = label.Slot - (slot + 1);
            if (reference.Kind is ReferenceKind.Call or ReferenceKind.LoadFunction)
            {
                if (!label.StartsFunction)
                {
                    Error(reference.Instruction, $"{reference.Kind.Verb()} to label '{label.Name}', which is no function's start; " +
                        "begin the function with BeginFunction");
                }

                instruction = instruction with { Immediate = reference.Kind == ReferenceKind.Call ? distance : (uint)distance };
                return;
            }

            if (!CheckJump(reference, label, slot))
                return;
            if (reference.Kind == ReferenceKind.LongJump)
            {
                instruction = instruction with { Immediate = distance };
            }
            else if (distance is >= short.MinValue and <= short.MaxValue)
            {
                instruction = instruction with { Offset = (short)distance };
            }
            else
            {
                Error(reference.Instruction, $"the jump to label '{label.Name}' is {distance} slots long and a jump's offset has 16 bits; " +
                    (reference.Kind == ReferenceKind.Jump ? "use JumpLong" : "use the opposite condition to skip a JumpLong"));
            }
        }

        private bool CheckJump(Reference reference, PendingLabel label, int slot)
        {
            var function = FunctionAt(slot);
            if (label.Function != function)
            {
                Error(reference.Instruction, $"the jump to label '{label.Name}' leaves function '{assembler._functions[function].Name}' for " +
                    $"'{assembler._functions[label.Function].Name}'; only calls and exits leave a function");
                return false;
            }

            if (label.Slot != End(function))
                return true;
            Error(reference.Instruction, $"the jump to label '{label.Name}' goes past the last instruction of function '{assembler._functions[function].Name}'");
            return false;
        }

        private int FunctionAt(int slot) => assembler._functions.FindLastIndex(function => function.Slot <= slot);

        private int End(int function) => function + 1 < assembler._functions.Count ? assembler._functions[function + 1].Slot : assembler._slot;

        private void CheckFunctionEnds()
        {
            for (var function = 0; function < assembler._functions.Count; function++)
            {
                var (name, start) = assembler._functions[function];
                var end = End(function);
                if (start == end)
                {
                    var first = assembler._slots.BinarySearch(start);
                    _errors.Add(new AssemblyError(first < 0 ? ~first : first, start, null,
                        assembler._slot == 0 ? "the program is empty" : $"function '{name}' is empty"));
                    continue;
                }

                // A slot list has no gaps but the second slots of 64-bit loads, so the complement is the instruction after the function.
                var next = assembler._slots.BinarySearch(end);
                var last = (next < 0 ? ~next : next) - 1;
                // The same rule as the kernel's check_subprogs: "last insn is not an exit or jmp".
                if (_instructions[last].Code is not (Opcode.ExitCode or Opcode.Goto or Opcode.GotoLong))
                    Error(last, $"function '{name}' falls off its end; its last instruction must be an exit or an unconditional jump");
            }
        }

        private void Error(int instruction, string message) =>
            _errors.Add(new AssemblyError(instruction, assembler._slots[instruction], _instructions[instruction].Comment, message));
    }
}
