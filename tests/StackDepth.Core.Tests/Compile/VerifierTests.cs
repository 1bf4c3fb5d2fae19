using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Compile.Lowering.Activations;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;
using StackDepth.Native.Btf;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Runtime;
using StackDepth.Tests.Support;

namespace StackDepth.Core.Tests.Compile;

/// <summary>The one thing of the compile half that only a kernel can say: whether its verifier accepts the programs. Skipped without the privilege to load programs.</summary>
public sealed class VerifierTests
{
    // A tracing program is verified for what it attaches to, with the members where this kernel has them: see the live tests of typed probes.
    public static TheoryData<string> Names { get; } = [.. GoldenQueries.All.Where(static golden => golden.Value.Query.Branches.All(static branch => branch.Probe.ProgramType != ProgramType.Tracing)).Select(static golden => golden.Key)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_verifier_accepts_the_program(string name)
    {
        var (query, target) = GoldenQueries.All[name];

        Load(ProbeCompiler.Compile(query, target with { Fields = target.Fields is null ? null : Fields(), Session = target.Session is null ? null : Session() }));
    }

    [Theory]
    [InlineData("walk-auto")]
    [InlineData("walk-frame-pointer")]
    [InlineData("walk-unwind")]
    [InlineData("walk-auto-within-function")]
    [InlineData("python")]
    [InlineData("bytes-with-walk")]
    public void A_walk_of_ours_is_far_from_what_the_verifier_is_willing_to_verify(string name)
    {
        var (query, target) = GoldenQueries.All[name];
        var compiled = ProbeCompiler.Compile(query, target with { Fields = Fields() });
        using var maps = CreateMaps(compiled);
        using var program = BpfProgram.Load(compiled.Program, maps.ByName, SystemCalls.Real);

        // 200,000 is what the project allows itself, of the million that the kernel allows; a loop that stops converging passes 10,000 first.
        var verified = program.Info.VerifiedInstructions;
        Assert.InRange(verified, 1u, 10_000u);
    }

    [Theory]
    [InlineData("recursion-max")]
    [InlineData("recursion-of-a-command")]
    public void Recursion_is_far_from_what_the_verifier_is_willing_to_verify(string name)
    {
        var (query, target) = GoldenQueries.All[name];
        var compiled = ProbeCompiler.Compile(query, target with { Fields = Fields() });
        using var maps = CreateMaps(compiled);
        using var program = BpfProgram.Load(compiled.Program, maps.ByName, SystemCalls.Real);

        // The verifier goes through the walk once for each round of the proof.
        Assert.InRange(program.Info.VerifiedInstructions, 1u, 100_000u);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_verifier_accepts_the_program_that_gives_back_what_is_kept_of_a_thread(bool manySites)
    {
        using var maps = CreateMaps(ProbeCompiler.Compile(GoldenQueries.Source.Select(s => s.Recursion).Max().Query, GoldenQueries.Measuring with { Fields = Fields() }));
        BpfProgram.Load(ActivationCleanup.Build(manySites), maps.ByName, SystemCalls.Real).Dispose();
    }

    [Fact]
    public void The_verifier_accepts_the_programs_that_follow_a_command()
    {
        using var maps = CreateMaps(ProbeCompiler.Compile(GoldenQueries.Source.Count().Query, GoldenQueries.Target with { Scope = new ProcessScope.Followed() }));
        foreach (var follower in FollowerPrograms.Build(new(Tgid: 1238, Signal: 1600, Live: 12)))
            BpfProgram.Load(follower.Spec, maps.ByName, SystemCalls.Real).Dispose();
    }

    [Fact]
    public void The_verifier_accepts_random_queries()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            var (query, target) = new RandomQueries(new Random(seed)) { Session = HasSessions ? KernelTypes.Session : null }.Next();
            try
            {
                Load(ProbeCompiler.Compile(query, target));
            }
            catch (VerifierException error)
            {
                throw new InvalidOperationException($"Seed {seed}: {error.Message}", error);
            }
        }
    }

    [Fact]
    public void The_verifier_accepts_random_joined_probes_and_their_variables()
    {
        var loaded = 0;
        for (var seed = 0; seed < 1_000; seed++)
        {
            var (query, target) = new RandomQueries(new Random(seed)) { Session = HasSessions ? KernelTypes.Session : null }.NextJoined();
            try
            {
                Load(ProbeCompiler.Compile(query, target));
                loaded++;
            }
            catch (ProbeQueryException error) when (error.Message.Contains("512 bytes", StringComparison.Ordinal))
            {
                // Too much for one program, and refused as such.
            }
            catch (VerifierException error)
            {
                throw new InvalidOperationException($"Seed {seed}: {error.Message}", error);
            }
        }
        Assert.InRange(loaded, 950, 1_000);
    }

    /// <summary>A condition that cannot fail would leave code behind that nothing reaches, which the verifier refuses.</summary>
    [Fact]
    public void The_verifier_accepts_choices_that_do_not_choose()
    {
        var source = GoldenQueries.Source;
        Load(ProbeCompiler.Compile(source.Where(s => Expr.If(Expr.If(s.Comm == "a", true, true), false, s.Tid == 1)).Count().Query, GoldenQueries.Target));
        Load(ProbeCompiler.Compile(source.Select(s => Expr.If(Expr.If(s.Pid == 1, Expr.If(s.Tid == 1, false, false), false), 1, s.Cpu)).Sum().Query, GoldenQueries.Target));
        Load(ProbeCompiler.Compile(source.Where(s => !s.Comm.StartsWith("") | Expr.If(s.Comm.StartsWith(""), s.Pid.IsIn(), s.Pid == 1)).Count().Query, GoldenQueries.Target));
    }

    [Fact]
    public void The_verifier_accepts_conditions_that_stacks_can_leave_open()
    {
        var random = new Random(20261123);
        for (var round = 0; round < 30; round++)
        {
            var queries = new RandomQueries(random, null, null, StackWalk.FramePointer);
            var query = new IrQuery(new IrUserProbe("bin", "f"), [queries.Truth(3), queries.Truth(2)], new IrEmit([queries.Truth(2)]));
            Load(new WalkedRun(query, GoldenQueries.Target with { Walk = StackWalk.Unwind, Named = RandomFields.Named }).Run.Compiled);
        }
    }

    private static SessionTarget Session()
    {
        Requires.Linux(6, 13);
        return KernelTypes.Session ?? throw new InvalidOperationException("The kernel does not describe the functions of sessions.");
    }

    // Kernels from 6.10 describe the functions, and let programs at functions of the kernel alone call them.
    private static bool HasSessions => KernelProfile.Detect(SystemCalls.Real).Expects(KernelFeatures.UprobeSession);

    private static KernelOffsets Fields()
    {
        Requires.That(KernelTypes.Fields is not null, "the description of the kernel's types");
        return KernelTypes.Fields!;
    }

    private static void Load(CompiledQuery compiled)
    {
        using var maps = CreateMaps(compiled);
        foreach (var program in compiled.Programs)
            BpfProgram.Load(program.Program, maps.ByName, SystemCalls.Real).Dispose();
    }

    private static KernelMaps CreateMaps(CompiledQuery compiled)
    {
        try
        {
            return KernelMaps.Create([.. compiled.Maps.Select(Small)], SystemCalls.Real);
        }
        catch (KernelException error) when (error.Errno == Errno.EPERM && Environment.GetEnvironmentVariable("STACKDEPTH_REQUIRE") != "1")
        {
            Assert.Skip($"BPF maps cannot be created here: {error.Message}");
            throw;
        }
    }

    /// <summary>The verifier does not care how many elements a map has.</summary>
    private static MapSpec Small(MapSpec map) => map with { MaxEntries = map.Type == MapType.RingBuffer ? Environment.SystemPageSize : int.Min(map.MaxEntries, 16) };
}
