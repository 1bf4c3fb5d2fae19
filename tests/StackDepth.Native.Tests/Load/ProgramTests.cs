using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Load;

public sealed unsafe class ProgramTests
{
    private static readonly Dictionary<string, BpfMap> NoMaps = [];

    internal static ProgramSpec Trivial { get; } = Build(static code => { });

    internal static ProgramSpec WithCallback(string name = "each")
    {
        var code = new Assembler();
        var callback = code.CreateLabel(name);
        code.Mov(Register.R1, 10);
        code.LoadFunction(Register.R2, callback);
        code.Mov(Register.R3, 0);
        code.Mov(Register.R4, 0);
        code.Call(HelperId.Loop);
        code.Mov(Register.R0, 0);
        code.Exit();
        code.BeginFunction(callback, name);
        code.Mov(Register.R0, 0);
        code.Exit();
        var assembled = code.Assemble();
        return new ProgramSpec { Name = "with_callback", Type = ProgramType.Kprobe, Instructions = assembled.Instructions, Functions = assembled.Functions };
    }

    private static ProgramSpec Build(Action<Assembler> body)
    {
        var code = new Assembler();
        body(code);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new ProgramSpec { Name = "test", Type = ProgramType.Kprobe, Instructions = code.Assemble().Instructions };
    }

    /// <summary>Reads a register that was never written.</summary>
    private static ProgramSpec Wrong() => Build(static code =>
    {
        code.LoadImmediate64(Register.R1, 1L << 40);
        code.Origin = "len(ustack)";
        code.Mov(Register.R3, Register.R7);
        code.Origin = null;
    });

    [Fact]
    public void A_program_loads_and_the_kernel_describes_it()
    {
        Requires.Bpf();
        using var program = BpfProgram.Load(Trivial, NoMaps, SystemCalls.Real);
        var info = program.Info;
        Assert.NotEqual(0u, info.Id);
        Assert.Equal(16, info.Tag.Length);
        Assert.NotEqual(0u, info.VerifiedInstructions);
        Assert.Null(program.VerifierLog);
    }

    [Fact]
    public void The_same_spec_loads_again_with_other_maps_and_stays_as_it_was()
    {
        Requires.Bpf();
        var before = CountingProgram.Spec.Instructions;
        for (var i = 0; i < 2; i++)
        {
            var maps = CountingProgram.Maps(SystemCalls.Real);
            using var counts = maps[CountingProgram.Counts.Name];
            using var program = BpfProgram.Load(CountingProgram.Spec, maps, SystemCalls.Real);
        }

        Assert.Equal(before, CountingProgram.Spec.Instructions);
        Assert.Contains(before, static instruction => instruction is { Map: "counts", Immediate: 0 });
    }

    [Theory]
    [InlineData("each")]
    [InlineData("1 strange\tname-of a function")]
    public void A_program_with_a_callback_gets_function_information(string name)
    {
        Requires.Bpf();
        using var program = BpfProgram.Load(WithCallback(name), NoMaps, SystemCalls.Real);
        Assert.NotEqual(0u, program.Info.Id);
    }

    [Fact]
    public void A_function_that_the_spec_does_not_name_is_found_in_the_code()
    {
        Requires.Bpf();
        using var program = BpfProgram.Load(WithCallback() with { Functions = [] }, NoMaps, SystemCalls.Real);
        Assert.NotEqual(0u, program.Info.Id);
    }

    [Fact]
    public void The_log_is_kept_where_it_is_asked_for()
    {
        Requires.Bpf();
        using var program = BpfProgram.Load(Trivial, NoMaps, SystemCalls.Real, keepLog: true);
        Assert.Contains("processed ", program.VerifierLog, StringComparison.Ordinal);
        Assert.Contains("exit", program.VerifierLog, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rejected_program_is_shown_with_the_instruction_and_where_it_came_from()
    {
        Requires.Bpf();
        var error = Assert.Throws<VerifierException>(() => BpfProgram.Load(Wrong(), NoMaps, SystemCalls.Real));
        Assert.Equal(Errno.EACCES, error.Errno);
        // "R7 !read_ok", and on newer kernels a sentence about it.
        Assert.Contains("R7", error.Summary, StringComparison.Ordinal);
        Assert.Equal(2, error.Slot);
        Assert.Equal("len(ustack)", error.Instruction?.Comment);
        Assert.Contains("len(ustack)", error.Message, StringComparison.Ordinal);
        Assert.Contains("R7", error.Message, StringComparison.Ordinal);
        Assert.Contains("len(ustack)", error.Disassembly, StringComparison.Ordinal);
        Assert.Contains("processed", error.Log, StringComparison.Ordinal);
        Assert.False(error.IsLogTruncated);
    }

    [Fact]
    public void A_log_longer_than_the_first_buffer_is_kept_whole()
    {
        Requires.Bpf();
        var spec = Build(static code =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                code.Mov(Register.R6, i);
            }

            code.Mov(Register.R3, Register.R7);
        });
        var error = Assert.Throws<VerifierException>(() => BpfProgram.Load(spec, NoMaps, SystemCalls.Real));
        Assert.True(error.Log.Length > LogBuffer.Smallest);
        Assert.Contains("0: (b7) r6 = 0", error.Log, StringComparison.Ordinal);
        Assert.Equal(20_000, error.Slot);
        Assert.False(error.IsLogTruncated);
        Assert.True(error.Message.Length < 4000);
    }

    [Fact]
    public void A_kernel_that_does_not_tell_the_logs_size_gets_ever_larger_buffers_up_to_the_largest()
    {
        var sizes = new List<uint>();
        var sys = new FaultySystemCalls
        {
            OnBpf = (_, _, attribute) =>
            {
                var load = (ProgramLoadAttribute*)attribute;
                if (load->LogSize == 0)
                {
                    return -(long)Errno.EINVAL;
                }

                sizes.Add(load->LogSize);
                "7: (bf) r1 = r2\nR2 !read_ok\n\0"u8.CopyTo(new Span<byte>((void*)load->LogBuffer, 100));
                return -(long)Errno.ENOSPC;
            },
        };
        var error = Assert.Throws<VerifierException>(() => BpfProgram.Load(Trivial, NoMaps, sys));
        Assert.True(error.IsLogTruncated);
        Assert.Equal(LogBuffer.Smallest, sizes[0]);
        Assert.Equal(LogBuffer.Largest, sizes[^1]);
        Assert.Equal(sizes.Order(), sizes);
        Assert.Equal(Errno.EINVAL, error.Errno);
    }

    [Fact]
    public void A_program_whose_full_log_fits_nowhere_loads_with_the_statistics_alone()
    {
        Requires.Bpf();
        var sys = new FaultySystemCalls { OnBpf = static (_, _, attribute) => (((ProgramLoadAttribute*)attribute)->LogLevel & 3) != 0 ? -(long)Errno.ENOSPC : null };
        using var program = BpfProgram.Load(Trivial, NoMaps, sys, keepLog: true);
        Assert.NotEqual(0u, program.Info.Id);
    }

    [Fact]
    public void A_refusal_without_a_log_is_no_verifiers_error()
    {
        var sys = new FaultySystemCalls { OnBpf = static (_, _, _) => -(long)Errno.EPERM };
        var error = Assert.ThrowsAny<KernelException>(() => BpfProgram.Load(Trivial, NoMaps, sys));
        Assert.IsNotType<VerifierException>(error);
        Assert.Equal(Errno.EPERM, error.Errno);
    }

    [Fact]
    public void A_map_that_was_not_given_is_named()
    {
        var error = Assert.Throws<ArgumentException>(() => BpfProgram.Load(CountingProgram.Spec, NoMaps, SystemCalls.Real));
        Assert.Contains("'counts'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_count_runs_while_they_are_on()
    {
        Requires.SysAdmin();
        using var statistics = KernelStatistics.Enable(SystemCalls.Real);
        using var program = BpfProgram.Load(Trivial with { Type = ProgramType.RawTracePoint }, NoMaps, SystemCalls.Real);
        using (StackDepth.Native.Link.RawTracepointLink.Attach(program, "sys_enter", SystemCalls.Real))
        {
            Assert.True(File.Exists("/proc/self/status"));
        }

        Assert.NotEqual(0UL, program.Info.RunCount);
        Assert.NotEqual(0UL, program.Info.RunTime);
    }
}
