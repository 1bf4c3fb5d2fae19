using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Support;

/// <summary>Programs that the kernel runs when it is asked to (BPF_PROG_TEST_RUN, for raw tracepoints 5.10).</summary>
internal static unsafe class TestRun
{
    internal static ProgramSpec Program(string name, Action<Assembler> emit)
    {
        var code = new Assembler();
        emit(code);
        return new ProgramSpec { Name = name, Type = ProgramType.RawTracePoint, Instructions = code.Assemble().Instructions };
    }

    /// <summary>Runs it once, and answers what it returns.</summary>
    internal static uint Run(BpfProgram program)
    {
        var attribute = stackalloc byte[80];
        new Span<byte>(attribute, 80).Clear();
        *(int*)attribute = program.Fd;
        long result;
        do
        {
            result = SystemCalls.Real.Bpf(BpfCommand.ProgTestRun, attribute, 80);
        }
        while (result == -(long)Errno.EINTR);
        Assert.Equal(0, result);
        return *(uint*)(attribute + 4);
    }
}
