using System.Globalization;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

public sealed class UprobeSessionTests
{
    // What the program counts: its entries, returns, entries whose return it knows to be lost, and returns whose cookie is not what the entry left.
    private const int Entries = 0, Returns = 1, Lost = 2, Wrong = 3;

    private const string Recursion = """
        #include <stdio.h>
        #include <stdlib.h>
        static volatile int sink;
        __attribute__((noinline)) int recurse(int n) { int r = n > 1 ? recurse(n - 1) + 1 : 1; sink += r; return r; }
        int main(void) {
            char line[100];
            while (fgets(line, sizeof line, stdin)) { printf("%d\n", recurse(atoi(line))); fflush(stdout); }
            return 0;
        }
        """;

    private static readonly Lazy<string> s_binary = new(static () => CommandTarget.Compile(Recursion, "-fno-optimize-sibling-calls"));
    private static readonly SystemCalls Sys = SystemCalls.Real;
    private static readonly MapSpec Counts = new("counts", MapType.PerCpuArray, 4, 8, 4);

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(200)]
    public void Each_return_is_seen_with_the_cookie_of_its_own_entry_and_those_the_kernel_drops_are_known_at_the_entry(int depth)
    {
        RequireSessions();
        using var target = CommandTarget.Start(s_binary.Value);
        using var counts = BpfMap.Create(Counts, Sys);
        var maps = new Dictionary<string, BpfMap> { [Counts.Name] = counts };
        using var program = BpfProgram.Load(Program(), maps, Sys);
        using (var link = UprobeSessionLink.Attach(program, Request(target.Pid), Sys))
        {
            Assert.Equal("uprobe session", link.Kind);
            Assert.Equal(depth.ToString(CultureInfo.InvariantCulture), target.Ask($"{depth}"));
            Assert.Equal(depth.ToString(CultureInfo.InvariantCulture), target.Ask($"{depth}"));
        }

        var dropped = Math.Max(0, depth - ReturnNesting.MaxPending);
        Assert.Equal([2UL * (ulong)depth, 2UL * (ulong)(depth - dropped), 2UL * (ulong)dropped, 0UL], Counted());

        // A child that another test forks at this moment holds the link until it has its own program.
        ThreadCounts.Until(
            () =>
            {
                var before = Counted();
                target.Ask("10");
                return Counted().SequenceEqual(before);
            },
            "calls are not counted any more");

        ulong[] Counted() => [.. Enumerable.Range(0, 4).Select(i => counts.SumPerCpu<ulong>((uint)i))];
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Beside_a_return_probe_a_probe_at_the_entry_knows_how_many_returns_are_dropped(bool byPerfEvent)
    {
        Requires.SysAdmin();
        var profile = KernelProfile.Detect(Sys) with { Switches = new FeatureSwitches(byPerfEvent ? KernelFeatures.UprobeMulti : 0) };
        using var target = CommandTarget.Start(s_binary.Value);
        using var counts = BpfMap.Create(Counts, Sys);
        var maps = new Dictionary<string, BpfMap> { [Counts.Name] = counts };
        var nesting = ReturnNesting.Read(VmlinuxBtf.TryRead()!)!.Value;
        using (UprobeAttacher.Attach(Plain(code => Count(code, Returns)), maps, Request(target.Pid) with { IsReturn = true }, profile, Sys))
        using (UprobeAttacher.Attach(
            Plain(code =>
            {
                Label lost = code.CreateLabel("lost"), kept = code.CreateLabel("kept");
                nesting.EmitJumpIfLost(code, lost);
                Count(code, Entries);
                code.Jump(kept);
                code.Place(lost);
                Count(code, Lost);
                code.Place(kept);
            }),
            maps, Request(target.Pid), profile, Sys))
        {
            target.Ask("200");
        }

        Assert.Equal([64UL, 64UL, 136UL], Enumerable.Range(0, 3).Select(i => counts.SumPerCpu<ulong>((uint)i)));
    }

    [Fact]
    public void The_kernel_has_no_count_of_its_own_of_the_returns_that_it_drops()
    {
        // If this fails, the kernel has learned to count, and ReturnNesting can go.
        RequireSessions();
        using var target = CommandTarget.Start(s_binary.Value);
        using var counts = BpfMap.Create(Counts, Sys);
        using var program = BpfProgram.Load(Program(), new Dictionary<string, BpfMap> { [Counts.Name] = counts }, Sys);
        using (UprobeSessionLink.Attach(program, Request(target.Pid), Sys))
        {
            target.Ask("200");
            Assert.Equal(0UL, program.Info.RecursionMisses);
        }

        Assert.Equal(136UL, counts.SumPerCpu<ulong>(Lost));
    }

    [Fact]
    public void A_program_that_was_loaded_for_something_else_is_told_so()
    {
        RequireSessions();
        using var target = CommandTarget.Start(s_binary.Value);
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using var program = BpfProgram.Load(CountingProgram.Spec with { ExpectedAttachType = AttachType.TraceUprobeMulti }, maps, Sys);
        var error = Assert.Throws<KernelException>(() => UprobeSessionLink.Attach(program, Request(target.Pid), Sys));
        Assert.Contains("expected attach type TraceUprobeSession", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => UprobeSessionLink.Attach(program, Request(target.Pid) with { IsReturn = true }, Sys));
    }

    [Fact]
    public unsafe void A_kernel_without_sessions_is_recognised()
    {
        Requires.Bpf();
        var sys = new FaultySystemCalls { OnBpf = static (command, _, _) => command == BpfCommand.LinkCreate ? -(long)Errno.EINVAL : null };
        Assert.Equal(FeatureAnswer.Absent, new FeatureProbes(sys).Ask(KernelFeatures.UprobeSession));
        Requires.Linux(6, 13);
        Assert.Equal(FeatureAnswer.Present, new FeatureProbes(Sys).Ask(KernelFeatures.UprobeSession));
    }

    private static void RequireSessions()
    {
        Requires.Bpf();
        Requires.Linux(6, 13);
        Requires.That(new FeatureProbes(Sys).Ask(KernelFeatures.UprobeSession) == FeatureAnswer.Present, "uprobe sessions (Linux 6.13)");
    }

    private static UprobeRequest Request(int pid)
    {
        using var target = TargetResolver.Resolve(s_binary.Value, "recurse", new ResolveOptions());
        return new UprobeRequest(s_binary.Value, [target.Sites[0].Offset], [], pid, IsReturn: false);
    }

    private static ProgramSpec Plain(Action<Assembler> emit)
    {
        var code = new Assembler();
        emit(code);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new() { Name = "plain", Type = ProgramType.Kprobe, Instructions = code.Assemble().Instructions };
    }

    /// <summary>The entry leaves the stack pointer as cookie; at the return, a call's return address is popped: the stack pointer is 8 higher.</summary>
    private static ProgramSpec Program()
    {
        var btf = VmlinuxBtf.TryRead()!;
        var functions = SessionFunctions.Find(btf)!.Value;
        var nesting = ReturnNesting.Read(btf)!.Value;
        var isArm = KernelProfile.Detect(Sys).Architecture == System.Runtime.InteropServices.Architecture.Arm64;
        var stackPointer = isArm ? 248 : 152;
        var code = new Assembler();
        Label lost = code.CreateLabel("lost"), right = code.CreateLabel("right"), atReturn = code.CreateLabel("return"), exit = code.CreateLabel("exit");
        code.Mov(Register.R6, Register.R1);
        code.Load(MemorySize.DW, Register.R7, Register.R6, stackPointer);
        code.CallKfunc(functions.IsReturn);
        code.JumpIf(JumpOp.JNE, Register.R0, 0, atReturn);

        Count(code, Entries);
        // Newer kernels ask for the context at each call (seen on 7.3).
        code.Mov(Register.R1, Register.R6);
        code.CallKfunc(functions.Cookie);
        code.Store(MemorySize.DW, Register.R0, 0, Register.R7);
        nesting.EmitJumpIfLost(code, lost);
        code.Jump(exit);
        code.Place(lost);
        Count(code, Lost);
        code.Jump(exit);

        code.Place(atReturn);
        Count(code, Returns);
        // Newer kernels ask for the context at each call (seen on 7.3).
        code.Mov(Register.R1, Register.R6);
        code.CallKfunc(functions.Cookie);
        code.Load(MemorySize.DW, Register.R1, Register.R0, 0);
        code.Add(Register.R1, isArm ? 0 : 8);
        code.JumpIf(JumpOp.JEQ, Register.R1, Register.R7, right);
        Count(code, Wrong);
        code.Place(right);
        code.Place(exit);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new() { Name = "session", Type = ProgramType.Kprobe, ExpectedAttachType = AttachType.TraceUprobeSession, Instructions = code.Assemble().Instructions };
    }

    private static void Count(Assembler code, int slot)
    {
        var end = code.CreateLabel($"counted{slot}");
        code.Store(MemorySize.W, Register.R10, -4, slot);
        code.LookUp(Counts.Name, -4, end);
        code.AddOne();
        code.Place(end);
    }
}
