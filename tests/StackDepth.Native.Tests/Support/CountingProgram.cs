using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Support;

/// <summary>A program that counts its hits by cookie in a per-CPU array.</summary>
internal static class CountingProgram
{
    internal static readonly MapSpec Counts = new("counts", MapType.PerCpuArray, 4, 8, ProbeTarget.Functions);

    internal static ProgramSpec Spec { get; } = Build(ProgramType.Kprobe, byCookie: true);

    internal static ProgramSpec Build(ProgramType type, bool byCookie)
    {
        var code = new Assembler();
        var end = code.CreateLabel("end");
        if (byCookie)
        {
            code.Call(HelperId.GetAttachCookie);
        }
        else
        {
            code.Mov(Register.R0, 0);
        }

        code.Store(MemorySize.W, Register.R10, -4, Register.R0);
        code.LookUp(Counts.Name, -4, end);
        code.AddOne();
        code.Place(end);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new ProgramSpec { Name = "count_hits", Type = type, Instructions = code.Assemble().Instructions };
    }

    internal static Dictionary<string, BpfMap> Maps(SystemCalls sys) => new() { [Counts.Name] = BpfMap.Create(Counts, sys) };
}
