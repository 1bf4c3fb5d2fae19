using StackDepth.Native.Asm;
using StackDepth.Native.Features;
using StackDepth.Native.Kernel;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

[Collection(FdLeakCheck.Alone)]
public sealed class TracingLiveTests
{
    private static readonly SystemCalls Sys = SystemCalls.Real;

    private static void Needs()
    {
        Requires.Bpf();
        Requires.KernelHas(FeatureProbes.Shared.Ask(KernelFeatures.Fentry) == FeatureAnswer.Present, "fentry", 5, 5);
    }

    private static TracedFunction Find(string name) =>
        TracedFunction.Describe(KernelFunctionFinder.Read(Sys).Find(name, KernelProbeKind.Tracing, 1), BpfTestFunctions.Types, name).Single();

    private static ProgramSpec For(TracedFunction function, AttachType type, params int[] offsets) =>
        RecordingProgram.Build(ProgramType.Tracing, offsets) with { ExpectedAttachType = type, AttachFunction = function.Signature.Id };

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    public void The_arguments_at_the_entry_are_in_their_slots(int number)
    {
        Needs();
        var function = Find($"bpf_fentry_test{number}");
        using var record = new RecordingProgram();
        using var functions = new BpfTestFunctions();
        var offsets = Enumerable.Range(0, number).Select(i => KernelArguments.Tracing(function.Signature, i).Offset).ToArray();
        var (program, link) = TracingLink.Load(For(function, AttachType.TraceFentry, offsets), function.Function.Name, record.Maps, Sys);
        using (program)
        using (link)
        {
            Assert.Equal("fentry", link.Kind);
            functions.Call();
            functions.Call();
        }

        functions.Call();
        Assert.Equal(2UL, record.Hits);
        Assert.Equal(
            Enumerable.Range(BpfTestFunctions.FirstArgument(number), number).Select(static value => (ulong)value),
            Enumerable.Range(0, number).Select(i => record.Read(i + 1) & (ulong.MaxValue >> (64 - 8 * function.Signature.Parameters[i].Size))));
    }

    [Fact]
    public void The_result_at_the_exit_lies_behind_the_arguments()
    {
        Needs();
        var function = Find("bpf_fentry_test5");
        using var record = new RecordingProgram();
        using var functions = new BpfTestFunctions();
        var result = KernelArguments.TracingResult(function.Signature)!.Value;
        Assert.Equal(40, result.Offset);
        var (program, link) = TracingLink.Load(For(function, AttachType.TraceFexit, result.Offset, 0), function.Function.Name, record.Maps, Sys);
        using (program)
        using (link)
        {
            Assert.Equal("fexit", link.Kind);
            functions.Call();
        }

        Assert.Equal(1UL, record.Hits);
        Assert.Equal(BpfTestFunctions.Result(5), record.Read(1) & uint.MaxValue);
        Assert.Equal(11UL, record.Read(2));
    }

    [Fact]
    public void A_program_learns_its_cookie()
    {
        Needs();
        Requires.Linux(5, 19);
        var function = Find("bpf_fentry_test2");
        var maps = CountingProgram.Maps(Sys);
        using var counts = maps[CountingProgram.Counts.Name];
        using var functions = new BpfTestFunctions();
        var spec = CountingProgram.Build(ProgramType.Tracing, byCookie: true) with { ExpectedAttachType = AttachType.TraceFentry, AttachFunction = function.Signature.Id };
        var (program, link) = TracingLink.Load(spec, function.Function.Name, maps, Sys, cookie: 3);
        using (program)
        using (link)
        {
            functions.Call();
        }

        Assert.Equal([0UL, 0, 0, 1], Enumerable.Range(0, 4).Select(i => counts.SumPerCpu<ulong>((uint)i)));
    }

    [Fact]
    public void A_kernel_that_forbids_it_at_the_load_is_told_from_a_lack_of_privilege()
    {
        Requires.Bpf();
        var sys = new ForbidsTracing();
        var code = new Assembler();
        code.Mov(Register.R0, 0);
        code.Exit();
        var spec = new ProgramSpec { Name = "x", Type = ProgramType.Tracing, ExpectedAttachType = AttachType.TraceFentry, AttachFunction = 1, Instructions = code.Assemble().Instructions };
        var error = Assert.Throws<KernelException>(() => TracingLink.Load(spec, "vfs_read", new Dictionary<string, BpfMap>(), sys));
        Assert.Equal(Errno.EPERM, error.Errno);
        Assert.Contains("vfs_read", error.Message, StringComparison.Ordinal);
        Assert.Contains("tracepoint or a kprobe", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Answers as the kernel of the development machine does, before it looks at the program.</summary>
    private sealed unsafe class ForbidsTracing : SystemCalls
    {
        internal override long Bpf(BpfCommand command, void* attr, uint size) =>
            command == BpfCommand.ProgLoad && ((ProgramLoadAttribute*)attr)->ExpectedAttachType == (uint)AttachType.TraceFentry ? -(long)Errno.EPERM : base.Bpf(command, attr, size);
    }
}
