using System.Runtime.InteropServices;
using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Support;

/// <summary>A program that counts its runs by thread and cookie, and its map.</summary>
internal sealed class ThreadCounts : IDisposable
{
    private static readonly MapSpec Spec = new("by_thread", MapType.Hash, 16, 8, 16_384);
    private readonly BpfMap _map = BpfMap.Create(Spec, SystemCalls.Real);

    internal ThreadCounts(ProgramType type, AttachType attachType = AttachType.None, int attachFunction = 0, bool byCookie = true) =>
        Program = BpfProgram.Load(Build(type, attachType, attachFunction, byCookie), new Dictionary<string, BpfMap> { [Spec.Name] = _map }, SystemCalls.Real);

    internal readonly record struct Key(int Thread, int Process, ulong Cookie);

    internal BpfProgram Program { get; }

    internal Dictionary<Key, ulong> Read()
    {
        var counts = new Dictionary<Key, ulong>();
        _map.ReadAll((key, value) => counts[MemoryMarshal.Read<Key>(key)] = MemoryMarshal.Read<ulong>(value));
        return counts;
    }

    internal ulong Of(int process) => Read().Where(row => row.Key.Process == process).Aggregate(0UL, static (sum, row) => sum + row.Value);

    internal HashSet<int> Threads(int process) => [.. Read().Keys.Where(key => key.Process == process).Select(static key => key.Thread)];

    /// <summary>Waits until something is so, or fails after a time in which it would be so on any machine.</summary>
    internal static void Until(Func<bool> holds, string what)
    {
        for (var i = 0; i < 6000; i++)
        {
            if (holds())
            {
                return;
            }

            Thread.Sleep(10);
        }

        Assert.Fail($"Not within a minute: {what}.");
    }

    public void Dispose()
    {
        Program.Dispose();
        _map.Dispose();
    }

    private static ProgramSpec Build(ProgramType type, AttachType attachType, int attachFunction, bool byCookie)
    {
        var code = new Assembler();
        Label found = code.CreateLabel("found"), end = code.CreateLabel("end");
        if (byCookie)
        {
            code.Call(HelperId.GetAttachCookie);
        }
        else
        {
            code.Mov(Register.R0, 0);
        }

        code.Store(MemorySize.DW, Register.R10, -8, Register.R0);
        code.Call(HelperId.GetCurrentPidTgid);
        code.Store(MemorySize.DW, Register.R10, -16, Register.R0);
        code.Store(MemorySize.DW, Register.R10, -24, 1);
        code.LoadMap(Register.R1, Spec.Name);
        code.Mov(Register.R2, Register.R10);
        code.Add(Register.R2, -16);
        code.Call(HelperId.MapLookupElem);
        code.JumpIf(JumpOp.JNE, Register.R0, 0, found);
        code.LoadMap(Register.R1, Spec.Name);
        code.Mov(Register.R2, Register.R10);
        code.Add(Register.R2, -16);
        code.Mov(Register.R3, Register.R10);
        code.Add(Register.R3, -24);
        code.Mov(Register.R4, 0);
        code.Call(HelperId.MapUpdateElem);
        code.Jump(end);
        code.Place(found);
        code.Mov(Register.R1, 1);
        code.AtomicAdd(MemorySize.DW, Register.R0, 0, Register.R1);
        code.Place(end);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new ProgramSpec
        {
            Name = "by_thread",
            Type = type,
            ExpectedAttachType = attachType,
            AttachFunction = attachFunction,
            Instructions = code.Assemble().Instructions,
        };
    }
}
