using System.Collections.Immutable;
using System.Diagnostics;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Asm;
using StackDepth.Native.Elf;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Live.Tests;

/// <summary>Functions whose first instruction the kernel does not probe: a glob leaves them out and says so, a name of one is an error.</summary>
public sealed class UnprobeableTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_star_over_libc_leaves_out_what_the_kernel_cannot_probe()
    {
        // Not attached: a probe of libc is one in every process of the system.
        var plan = Probe.UProbe("libc.so.6", "*").Count().Explain();
        Assert.True(plan.Sites.Length > 1000);
        Assert.DoesNotContain(plan.Sites, site => site.Symbol == "pthread_spin_lock");
        Assert.Contains("left out", plan.TargetNote, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pthread_spin_lock")]
    [InlineData("pthread_spin_loc[k]")]
    public async Task A_function_that_cannot_be_probed_is_an_error(string symbol)
    {
        // Not left to the kernel: in a file that no process has mapped it takes the probe, which then never fires.
        Requires.Bpf();
        var error = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(async () => await Probe.UProbe("libc.so.6", symbol).Count().AttachAsync(cancellationToken: Cancellation));
        Assert.Contains("pthread_spin_lock", error.Message, StringComparison.Ordinal);
        Assert.Contains("cannot", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_five_byte_nop_is_not_probed_where_the_kernel_would_make_a_call_of_it()
    {
        using var plain = TargetResolver.Resolve(CTarget.Shared, "leaf_nop5", new());
        Assert.Single(plain.Sites);

        var careful = new ResolveOptions { NopsBecomeCalls = true };
        var error = Assert.Throws<TargetException>(() => TargetResolver.Resolve(CTarget.Shared, "leaf_nop5", careful));
        Assert.Contains("'leaf_nop5+5'", error.Message, StringComparison.Ordinal);
        using var glob = TargetResolver.Resolve(CTarget.Shared, "leaf_*", careful);
        Assert.DoesNotContain(glob.Sites, site => site.Symbol == "leaf_nop5");
        Assert.Contains("leaf_nop5", glob.Note, StringComparison.Ordinal);
        using var after = TargetResolver.Resolve(CTarget.Shared, "leaf_nop5+5", careful);
        Assert.Equal(plain.Sites[0].Offset + 5, after.Sites[0].Offset);
    }

    [Theory]
    [InlineData("62f27d407ac6", "vpbroadcastb %esi,%zmm16, with which glibc's memset begins")]
    [InlineData("c4e27d78c0", "vpbroadcastb %xmm0,%ymm0")]
    [InlineData("c5f976c0", "vpcmpeqd %xmm0,%xmm0,%xmm0")]
    [InlineData("c5f877", "vzeroupper")]
    [InlineData("c5f9ebc1", "vpor %xmm1,%xmm0,%xmm0")]
    public void An_instruction_that_the_kernel_would_take_for_a_jump_is_not_probed(string code, string meaning)
    {
        Assert.True(UprobeInstruction.CannotBeProbed(Convert.FromHexString(code), ElfConstants.MachineX64), meaning);
    }

    [Fact]
    public async Task A_memset_by_vector_instructions_stays_right_under_a_star()
    {
        // A probe at its first instruction would leave that out, and the memory would be filled with what was in the register.
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe("libc.so.6", "*mem*").ForProcess(target.Pid).Count().AttachAsync(cancellationToken: Cancellation);
        for (var size = 1; size < 5000; size = (size * 3) + 1)
            Assert.Equal(["M 1"], target.Ask($"memset {size}"));
    }

    [Fact]
    public void The_instructions_known_to_be_refused_are_those_that_this_kernel_refuses()
    {
        Requires.Bpf();
        Requires.Tool("gcc");
        using var folder = new Folder();
        var codes = Codes().ToArray();
        var program = Build(folder, codes);
        using var process = Process.Start(program);
        try
        {
            using var image = ElfImage.Open(program);
            using var target = TargetResolver.Resolve(program, "pause_here", new ResolveOptions());
            using var bpf = Nothing();
            var offsets = codes.Select((_, index) => Offset(image, $"code_{index}")).ToArray();
            var taken = Enumerable.Range(0, codes.Length).Where(index => !UprobeInstruction.IsRefused(codes[index], image.Machine)).Select(index => offsets[index]).ToImmutableArray();
            using (var all = UprobeMultiLink.TryAttach(bpf, new(target.AttachPath, taken, [], 0, IsReturn: false), SystemCalls.Real, out var errno))
                Assert.Equal((Errno.None, taken.Length), (errno, all?.SiteCount));
            for (var index = 0; index < codes.Length; index++)
            {
                if (taken.Contains(offsets[index]))
                    continue;
                using var one = UprobeMultiLink.TryAttach(bpf, new(target.AttachPath, [offsets[index]], [], 0, IsReturn: false), SystemCalls.Real, out var errno);
                Assert.True(errno == Errno.ENOTSUPP, $"{Convert.ToHexString(codes[index])}: {errno}");
            }
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    /// <summary>Every opcode of one byte, and prefixes and AVX forms of some.</summary>
    private static IEnumerable<byte[]> Codes()
    {
        for (var opcode = 0; opcode < 256; opcode++)
        {
            // 62, c4 and c5 begin longer forms.
            if (opcode is not (0x62 or 0xc4 or 0xc5))
                yield return [(byte)opcode];
        }
        string[] more =
        [
            "f0ff08", "f048ff08", "64f0ff08", "2e8b00", "3effe0", "268b00", "368b00", "648b00", "658b00", "668b00", "488b00", "f30f1efa", "0f1f440000", "0fa2", "0f05",
            "8ed0", "8ed8", "c5f96ec6", "c5f9efc0", "c5f96fc0", "c5fe6f06", "c5fc1006", "62f17c481006", "c5f857c0",
        ];
        foreach (var text in more)
            yield return Convert.FromHexString(text);
    }

    private static string Build(Folder folder, byte[][] codes)
    {
        var source = string.Concat(codes.Select((code, index) =>
            $".globl code_{index}\n.type code_{index},@function\n.p2align 5\ncode_{index}: .byte {string.Join(',', code)}\n.zero 16\n.size code_{index}, .-code_{index}\n"));
        File.WriteAllText(folder["codes.s"], $".text\n{source}.section .note.GNU-stack,\"\",@progbits\n");
        File.WriteAllText(folder["main.c"], "#include <unistd.h>\nvoid pause_here(void) { pause(); }\nint main(void) { pause_here(); }\n");
        using var gcc = Process.Start("gcc", ["-o", folder["codes"], folder["main.c"], folder["codes.s"]]);
        gcc.WaitForExit();
        Assert.Equal(0, gcc.ExitCode);
        return folder["codes"];
    }

    private static ulong Offset(ElfImage image, string symbol)
    {
        var functions = image.Symbols.Functions();
        while (functions.MoveNext())
        {
            if (functions.Name.SequenceEqual(System.Text.Encoding.ASCII.GetBytes(symbol)) && image.TryGetCodeOffset(functions.Symbol.Value, out var offset))
                return offset;
        }
        throw new InvalidOperationException($"{symbol} is not there.");
    }

    private static BpfProgram Nothing()
    {
        var code = new Assembler();
        code.Mov(Register.R0, 0);
        code.Exit();
        var spec = new ProgramSpec { Name = "nothing", Type = ProgramType.Kprobe, ExpectedAttachType = AttachType.TraceUprobeMulti, Instructions = code.Assemble().Instructions };
        return BpfProgram.Load(spec, new Dictionary<string, BpfMap>(), SystemCalls.Real);
    }
}
