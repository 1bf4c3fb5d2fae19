using System.Runtime.InteropServices;
using StackDepth.Native.Btf;

namespace StackDepth.Native.Kernel;

/// <summary>What an offset counts from.</summary>
internal enum ArgumentBase
{
    /// <summary>The program's context.</summary>
    Context,

    /// <summary>The stack pointer that the context (pt_regs) holds: kernel memory, for bpf_probe_read_kernel.</summary>
    StackPointer,
}

/// <summary>Where a value lies at a probe: 8 bytes, of which the value's size counts from the least significant one, and the rest is anything.</summary>
internal readonly record struct ArgumentPlace(ArgumentBase Base, int Offset);

/// <summary>Where the arguments and results of kernel functions lie: by the slots of tracing programs, and by the machine's calling convention in pt_regs.</summary>
internal static class KernelArguments
{
    /// <summary>pt_regs of x86-64 (arch/x86/include/asm/ptrace.h): rdi, rsi, rdx, rcx, r8, r9.</summary>
    private static ReadOnlySpan<byte> X64 => [112, 104, 96, 88, 72, 64];

    private const int X64Result = 80;
    private const int X64StackPointer = 152;
    private const int Arm64Registers = 8;
    private const int Arm64StackPointer = 248;

    /// <summary>Where pt_regs has the stack pointer.</summary>
    internal static int StackPointer(Architecture architecture) => architecture == Architecture.Arm64 ? Arm64StackPointer : X64StackPointer;

    /// <summary>An argument in the context of an fentry or fexit program: an array of 64-bit slots.</summary>
    internal static ArgumentPlace Tracing(KernelFunctionSignature function, int index) => new(ArgumentBase.Context, 8 * function.Parameters.Take(index).Sum(static p => p.Slots));

    /// <summary>The result in the context of an fexit program: behind the arguments. Null where the function returns nothing.</summary>
    internal static ArgumentPlace? TracingResult(KernelFunctionSignature function) =>
        function.Result is null ? null : new(ArgumentBase.Context, 8 * function.Parameters.Sum(static p => p.Slots));

    /// <summary>
    /// An argument at the entry of a function, in pt_regs of a kprobe. Null where it cannot be told: a struct of more than 8 bytes by value lies, with what comes after it, where that depends on
    /// what is in it.
    /// </summary>
    internal static ArgumentPlace? Kprobe(KernelFunctionSignature function, int index, Architecture architecture)
    {
        for (var i = 0; i <= index; i++)
        {
            if (function.Parameters[i] is { Size: > 8 } or { Kind: KernelValueKind.Other })
            {
                return null;
            }
        }

        return Kprobe(index, architecture);
    }

    /// <summary>The n-th argument, from 0, of a function all of whose arguments are numbers and pointers.</summary>
    internal static ArgumentPlace Kprobe(int index, Architecture architecture)
    {
        if (architecture == Architecture.Arm64)
        {
            return index < Arm64Registers ? new(ArgumentBase.Context, 8 * index) : new(ArgumentBase.StackPointer, 8 * (index - Arm64Registers));
        }

        // On the stack behind the return address.
        return index < X64.Length ? new(ArgumentBase.Context, X64[index]) : new(ArgumentBase.StackPointer, 8 + 8 * (index - X64.Length));
    }

    /// <summary>The result at the return of a function, in pt_regs of a kretprobe.</summary>
    internal static ArgumentPlace KprobeResult(Architecture architecture) => new(ArgumentBase.Context, architecture == Architecture.Arm64 ? 0 : X64Result);
}
