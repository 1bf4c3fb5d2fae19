using System.Buffers.Binary;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;
using static StackDepth.Native.Asm.Opcode;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>
/// One run of a program, stepped instruction by instruction. It is as strict as the verifier where a slip of the compiler could hide: registers that a call has clobbered, stack
/// and records that nobody wrote, accesses outside of their memory, a frame pointer that is written.
/// </summary>
internal sealed class ProgramRun
{
    private const int StackBytes = 512;
    private const int MostFrames = 8; // MAX_CALL_FRAMES
    private const ulong FunctionTag = 0xf000_0000_0000_0000;

    private readonly List<Region> _frames = [];
    private ulong[] _registers = new ulong[11];
    private bool[] _known = new bool[11];
    private bool[] _kernel = new bool[11];
    private readonly Dictionary<int, int> _indexOfSlot = [];
    private readonly int[] _slotOfIndex;
    private readonly ProgramSpec _program;
    private readonly KernelHelpers _helpers;
    private int _index;
    private int _steps;
    private int _depth;
    private bool _returned;

    internal ProgramRun(Machine machine, ProgramSpec program, Hit hit, Region? context = null)
    {
        Machine = machine;
        Hit = hit;
        _program = program;
        _slotOfIndex = new int[program.Instructions.Length];
        var slot = 0;
        for (var index = 0; index < program.Instructions.Length; index++)
        {
            _indexOfSlot.Add(slot, index);
            _slotOfIndex[index] = slot;
            slot += program.Instructions[index].Slots;
        }
        // Of a probe's context only the arguments can be read, or the result.
        context ??= Registers(machine, hit);
        Context = context.Address;
        Stack = machine.Memory.Add("the stack", StackBytes, written: false);
        this[Register.R1] = context.Address;
        _registers[10] = Stack.Address + StackBytes;
        _known[10] = true;
        _helpers = new KernelHelpers(this);
    }

    internal Machine Machine { get; }

    internal Hit Hit { get; }

    internal ulong Context { get; }

    internal Region Stack { get; }

    internal bool Ended { get; private set; }

    internal int Steps => _steps;

    /// <summary>The instruction that the next step runs.</summary>
    internal Instruction Next => _program.Instructions[_index];

    internal ulong this[Register register]
    {
        get => _known[(int)register] ? _registers[(int)register] : throw new MachineException($"{register} is read, and nothing of this path has set it");
        set
        {
            if (register == Register.R10)
                throw new MachineException("R10 is written");
            _registers[(int)register] = value;
            _known[(int)register] = true;
            _kernel[(int)register] = false;
        }
    }

    /// <summary>Whether the register holds a pointer to a struct of the kernel: reads through it fault safely, and nothing is written through it.</summary>
    internal bool IsKernelPointer(Register register) => _known[(int)register] && _kernel[(int)register];

    internal void SetKernelPointer(Register register, ulong value)
    {
        this[register] = value;
        _kernel[(int)register] = true;
    }

    /// <summary>Calls a function of the program, as a helper that was given it does; answers what it returns.</summary>
    internal ulong Invoke(ulong function, ReadOnlySpan<(ulong Value, bool IsKernelPointer)> arguments)
    {
        var result = Enter(function, arguments);
        return result <= 1 ? result : throw new MachineException($"a callback answers {result}");
    }

    internal void Step()
    {
        if (Ended || ++_steps > Machine.StepLimit)
            throw new MachineException(Ended ? "the program has ended" : "the program does not end");
        var at = _index++;
        try
        {
            Execute(_program.Instructions[at], _slotOfIndex[at]);
        }
        catch (MachineException error)
        {
            throw new MachineException($"slot {_slotOfIndex[at]}, {_program.Instructions[at]}: {error.Message}");
        }
    }

    internal void ForgetArguments()
    {
        for (var register = 1; register <= 5; register++)
            _known[register] = false;
    }

    /// <summary>The bytes at <paramref name="address"/>, to be read.</summary>
    internal Span<byte> Read(ulong address, int size, bool kernel = false)
    {
        var (region, offset) = Machine.Memory.Find(address, size);
        if (region.Kernel != kernel)
            throw new MachineException(kernel ? $"{region.Name} is nothing of the kernel's" : $"{region.Name} is read through a number that is no pointer");
        Machine.Accessing?.Invoke(this, region, offset, size);
        return region.FirstUnwritten(offset, size) is { } unwritten
            ? throw new MachineException($"byte {unwritten} of {region.Name} is read, and nobody wrote it")
            : region.Bytes.AsSpan(offset, size);
    }

    /// <summary>The bytes at <paramref name="address"/>, to be written.</summary>
    internal Span<byte> Write(ulong address, int size)
    {
        var (region, offset) = Machine.Memory.Find(address, size);
        if (region.Kernel)
            throw new MachineException($"{region.Name} is written");
        Machine.Accessing?.Invoke(this, region, offset, size);
        region.Written?.AsSpan(offset, size).Fill(true);
        return region.Bytes.AsSpan(offset, size);
    }

    /// <summary>struct pt_regs of x86-64, as far as the calling convention says what is in it.</summary>
    private static Region Registers(Machine machine, Hit hit)
    {
        var registers = machine.Memory.Add("the context", 168, written: false);
        if (hit.Return is { } result)
        {
            const int Rax = 10 * sizeof(long);
            BinaryPrimitives.WriteInt64LittleEndian(registers.Bytes.AsSpan(Rax), result.Value);
            registers.Written.AsSpan(Rax, sizeof(long)).Fill(!result.IsEntry);
            return registers;
        }
        int[] order = [14, 13, 12, 11, 9, 8]; // rdi, rsi, rdx, rcx, r8 and r9 of r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi ...
        for (var index = 0; index < order.Length; index++)
        {
            var at = order[index] * sizeof(long);
            BinaryPrimitives.WriteInt64LittleEndian(registers.Bytes.AsSpan(at), hit.Arguments[index]);
            registers.Written.AsSpan(at, sizeof(long)).Fill(true);
        }
        return registers;
    }

    private ulong Enter(ulong function, ReadOnlySpan<(ulong Value, bool IsKernelPointer)> arguments)
    {
        if ((function & FunctionTag) != FunctionTag || _program.Functions.All(f => f.Slot != (int)function))
            throw new MachineException($"0x{function:x} is no function");
        if (_depth + 1 == MostFrames)
            throw new MachineException("functions call each other too deeply");
        var saved = (_registers, _known, _kernel, _index);
        (_registers, _known, _kernel) = (new ulong[11], new bool[11], new bool[11]);
        if (_frames.Count == _depth)
            _frames.Add(Machine.Memory.Add("a function's stack", StackBytes, written: false));
        var frame = _frames[_depth++];
        frame.Written.AsSpan().Clear();
        _registers[10] = frame.Address + StackBytes;
        _known[10] = true;
        for (var index = 0; index < arguments.Length; index++)
        {
            this[(Register)(1 + index)] = arguments[index].Value;
            _kernel[1 + index] = arguments[index].IsKernelPointer;
        }
        GoTo((int)function);
        while (!_returned)
            Step();
        _returned = false;
        _depth--;
        var result = this[Register.R0];
        (_registers, _known, _kernel, _index) = saved;
        return result;
    }

    private void Execute(Instruction i, int slot)
    {
        switch (Class(i.Code))
        {
            case BPF_ALU64 or BPF_ALU:
                Arithmetic(i);
                break;
            case BPF_JMP or BPF_JMP32:
                Jump(i, slot);
                break;
            case BPF_LDX when Mode(i.Code) == BPF_MEM && IsKernelPointer(i.Src):
                LoadFromKernel(i);
                break;
            case BPF_LDX when Mode(i.Code) == BPF_MEM:
                this[i.Dst] = Get(Read(Address(i.Src, i.Offset), Bytes(i)));
                break;
            case BPF_ST when Mode(i.Code) == BPF_MEM:
                Put(Write(Address(i.Dst, i.Offset), Bytes(i)), (ulong)i.Immediate);
                break;
            case BPF_STX when Mode(i.Code) == BPF_MEM:
                Put(Write(Address(i.Dst, i.Offset), Bytes(i)), this[i.Src]);
                break;
            case BPF_STX when Mode(i.Code) == BPF_ATOMIC:
                Atomic(i);
                break;
            case BPF_LD when i.Code == LoadImmediate64Code:
                this[i.Dst] = (byte)i.Src switch
                {
                    0 => (ulong)i.Immediate,
                    BPF_PSEUDO_MAP_FD => Machine.Handle(i.Map!),
                    BPF_PSEUDO_FUNC => FunctionTag | (uint)(slot + 1 + (int)i.Immediate),
                    BPF_PSEUDO_MAP_VALUE => Machine[i.Map!].First().Address + (ulong)(i.Immediate >> 32),
                    _ => throw new MachineException("the interpreter does not know this load"),
                };
                break;
            default:
                throw new MachineException("the interpreter does not know this instruction");
        }
    }

    /// <summary>A load through a pointer of the kernel's: where that is null, zeroes are read. What 8 bytes hold may be such a pointer again.</summary>
    private void LoadFromKernel(Instruction i)
    {
        var address = Address(i.Src, i.Offset);
        var value = VirtualMemory.IsNull(address) ? 0 : Get(Read(address, Bytes(i), kernel: true));
        if (Bytes(i) == sizeof(ulong))
            SetKernelPointer(i.Dst, value);
        else
            this[i.Dst] = value;
    }

    private void Arithmetic(Instruction i)
    {
        if (i.Code == (BPF_ALU64 | BPF_MOV | BPF_X) && i.Offset == 0 && IsKernelPointer(i.Src))
        {
            SetKernelPointer(i.Dst, this[i.Src]);
            return;
        }
        var wide = Class(i.Code) == BPF_ALU64;
        var operand = Source(i.Code) == BPF_X ? this[i.Src] : (ulong)i.Immediate;
        var old = Operation(i.Code) == BPF_MOV ? 0 : this[i.Dst];
        var shift = (int)(operand & (wide ? 63u : 31u));
        if (!wide)
            (old, operand) = ((uint)old, (uint)operand);
        var value = Operation(i.Code) switch
        {
            BPF_MOV when i.Offset == 0 => operand,
            BPF_ADD => old + operand,
            BPF_SUB => old - operand,
            BPF_MUL => old * operand,
            BPF_DIV when i.Offset == 0 => operand == 0 ? 0 : old / operand,
            BPF_MOD when i.Offset == 0 => operand == 0 ? old : old % operand,
            BPF_OR => old | operand,
            BPF_AND => old & operand,
            BPF_XOR => old ^ operand,
            BPF_LSH => old << shift,
            BPF_RSH => old >> shift,
            BPF_ARSH => wide ? (ulong)((long)old >> shift) : (uint)((int)old >> shift),
            BPF_NEG => 0 - old,
            BPF_DIV when i.Offset == 0 => operand == 0 ? 0 : old / operand,
            BPF_MOD when i.Offset == 0 => operand == 0 ? old : old % operand,
            _ => throw new MachineException("the interpreter does not know this operation"),
        };
        this[i.Dst] = wide ? value : (uint)value;
    }

    private void Jump(Instruction i, int slot)
    {
        switch (i.Code)
        {
            case ExitCode:
                _ = this[Register.R0];
                if (_depth > 0)
                    _returned = true;
                else
                    Ended = true;
                return;
            case CallCode when i.Src == 0:
                _helpers.Call((HelperId)(int)i.Immediate);
                return;
            case CallCode when (byte)i.Src == BPF_PSEUDO_CALL:
                CallFunction(slot + 1 + (int)i.Immediate);
                return;
            case CallCode when (byte)i.Src == BPF_PSEUDO_KFUNC_CALL:
                _helpers.CallKfunc((int)i.Immediate);
                return;
            case Goto:
                GoTo(slot + 1 + i.Offset);
                return;
        }
        if (Class(i.Code) != BPF_JMP)
            throw new MachineException("the interpreter does not know this jump");
        var left = this[i.Dst];
        var right = Source(i.Code) == BPF_X ? this[i.Src] : (ulong)i.Immediate;
        var taken = (JumpOp)Operation(i.Code) switch
        {
            JumpOp.JEQ => left == right,
            JumpOp.JNE => left != right,
            JumpOp.JGT => left > right,
            JumpOp.JGE => left >= right,
            JumpOp.JLT => left < right,
            JumpOp.JLE => left <= right,
            JumpOp.JSET => (left & right) != 0,
            JumpOp.JSGT => (long)left > (long)right,
            JumpOp.JSGE => (long)left >= (long)right,
            JumpOp.JSLT => (long)left < (long)right,
            JumpOp.JSLE => (long)left <= (long)right,
            _ => throw new MachineException("the interpreter does not know this comparison"),
        };
        if (taken)
            GoTo(slot + 1 + i.Offset);
    }

    /// <summary>A call from function to function: it is given those of R1 to R5 that are known, and leaves none of them.</summary>
    private void CallFunction(int slot)
    {
        var arguments = new List<(ulong, bool)>();
        for (var register = Register.R1; register <= Register.R5 && _known[(int)register]; register++)
            arguments.Add((this[register], IsKernelPointer(register)));
        var result = Enter(FunctionTag | (uint)slot, [.. arguments]);
        ForgetArguments();
        this[Register.R0] = result;
    }

    private void GoTo(int slot) => _index = _indexOfSlot.TryGetValue(slot, out var index) ? index : throw new MachineException($"a jump goes to slot {slot}, where no instruction begins");

    private void Atomic(Instruction i)
    {
        if (Size(i.Code) != MemorySize.DW)
            throw new MachineException("the interpreter knows atomic operations on 64 bits only");
        var address = Address(i.Dst, i.Offset);
        if (address % 8 != 0)
            throw new MachineException("an atomic operation is not aligned");
        var old = Get(Read(address, sizeof(ulong)));
        var operand = this[i.Src];
        var memory = Write(address, sizeof(ulong));
        switch ((int)i.Immediate)
        {
            case BPF_CMPXCHG:
                if (old == this[Register.R0])
                    Put(memory, operand);
                this[Register.R0] = old;
                return;
            case BPF_ADD or BPF_ADD | BPF_FETCH:
                Put(memory, old + operand);
                break;
            case BPF_OR or BPF_OR | BPF_FETCH:
                Put(memory, old | operand);
                break;
            case BPF_AND or BPF_AND | BPF_FETCH:
                Put(memory, old & operand);
                break;
            case BPF_XCHG:
                Put(memory, operand);
                break;
            default:
                throw new MachineException("the interpreter does not know this atomic operation");
        }
        if ((i.Immediate & BPF_FETCH) != 0)
            this[i.Src] = old;
    }

    private ulong Address(Register register, short offset) => this[register] + (ulong)offset;

    private static int Bytes(Instruction i) => Size(i.Code) switch { MemorySize.B => 1, MemorySize.H => 2, MemorySize.W => 4, _ => 8 };

    private static ulong Get(ReadOnlySpan<byte> bytes)
    {
        Span<byte> wide = stackalloc byte[sizeof(ulong)];
        wide.Clear();
        bytes.CopyTo(wide);
        return BinaryPrimitives.ReadUInt64LittleEndian(wide);
    }

    private static void Put(Span<byte> bytes, ulong value)
    {
        Span<byte> wide = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(wide, value);
        wide[..bytes.Length].CopyTo(bytes);
    }
}
