using System.Runtime.InteropServices;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Kernel;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Support;

/// <summary>
/// The kernel's functions bpf_fentry_test1 to bpf_fentry_test6, which nobody calls but BPF_PROG_TEST_RUN of an fentry or fexit program, and then with fixed arguments:
/// (1), (2, 3), (4, 5, 6), (7, 8, 9, 10), (11 ... 15), (16 ... 21). Each returns the sum (net/bpf/test_run.c).
/// </summary>
internal sealed unsafe class BpfTestFunctions : IDisposable
{
    internal const int Count = 6;

    private readonly BpfProgram _caller;

    internal BpfTestFunctions()
    {
        var code = new Assembler();
        code.Mov(Register.R0, 0);
        code.Exit();
        _caller = BpfProgram.Load(
            new() { Name = "caller", Type = ProgramType.Tracing, ExpectedAttachType = AttachType.TraceFentry, AttachFunction = Types.FindFunction("bpf_fentry_test1")!.Value, Instructions = code.Assemble().Instructions },
            new Dictionary<string, BpfMap>(), SystemCalls.Real);
    }

    internal static VmlinuxBtf Types { get; } = VmlinuxBtf.TryRead() ?? throw new InvalidOperationException("no BTF");

    /// <summary>The first argument of the n-th function, from 1; the others follow it.</summary>
    internal static int FirstArgument(int function) => function * (function - 1) / 2 + 1;

    internal static ulong Result(int function) => (ulong)Enumerable.Range(FirstArgument(function), function).Sum();

    internal static KernelFunction Find(int function) =>
        KernelFunctionFinder.Read(SystemCalls.Real).Find($"bpf_fentry_test{function}", KernelProbeKind.Kprobe, 1).Functions.Single();

    /// <summary>Calls each of them once.</summary>
    internal void Call()
    {
        var attribute = new TestRunAttribute { ProgramFd = (uint)_caller.Fd };
        Assert.Equal(0, KernelCall.Bpf(SystemCalls.Real, BpfCommand.ProgTestRun, ref attribute));
    }

    public void Dispose() => _caller.Dispose();

    [StructLayout(LayoutKind.Explicit, Size = 80)]
    private struct TestRunAttribute
    {
        [FieldOffset(0)] internal uint ProgramFd;
    }
}
