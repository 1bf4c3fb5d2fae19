using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using StackDepth.Native.Asm;
using StackDepth.Native.Sys;
using static StackDepth.Native.Asm.Register;

namespace StackDepth.Native.Tests.Asm;

/// <summary>What the running kernel makes of our bytes: the verifier's log is a second disassembler, and test runs of socket filters show the semantics.</summary>
public sealed partial class KernelTests
{
    [Fact]
    public void The_kernel_computes_what_the_assembler_says()
    {
        KernelVerifier.Require(5, 12);
        RunAll(
        [
            (5, a => { a.Mov(R0, 2); a.Mov(R1, 3); a.Add(R0, R1); }),
            (0x80, a => { a.LoadImmediate64(R0, unchecked((long)0x8000000000000000)); a.Rsh(R0, 56); }),
            (0xffffff80, a => { a.LoadImmediate64(R0, unchecked((long)0x8000000000000000)); a.Arsh(R0, 56); }),
            (0x44332211, a => { a.Mov(R0, 0x11223344); a.ToBigEndian(R0, 32); }),
            (0x3344, a => { a.Mov(R0, 0x11223344); a.ToLittleEndian(R0, 16); }),
            (0x55667788, a => { a.LoadImmediate64(R0, 0x1122334455667788); }),
            (7, a => { a.Mov(R1, 7); a.Store(MemorySize.H, R10, -2, R1); a.Load(MemorySize.H, R0, R10, -2); }),
            (17, a => { a.Store(MemorySize.DW, R10, -8, 17); a.Mov(R1, 4); a.AtomicAdd(MemorySize.DW, R10, -8, R1, fetch: true); a.Mov(R0, R1); }),
            (21, a => { a.Store(MemorySize.DW, R10, -8, 17); a.Mov(R1, 4); a.AtomicAdd(MemorySize.DW, R10, -8, R1); a.Load(MemorySize.DW, R0, R10, -8); }),
            (0x14, a => { a.Store(MemorySize.W, R10, -4, 0x34); a.Mov(R1, 0x1f); a.AtomicAnd(MemorySize.W, R10, -4, R1); a.Load(MemorySize.W, R0, R10, -4); }),
            (0x3f, a => { a.Store(MemorySize.W, R10, -4, 0x34); a.Mov(R1, 0x1f); a.AtomicOr(MemorySize.W, R10, -4, R1); a.Load(MemorySize.W, R0, R10, -4); }),
            (0x2b, a => { a.Store(MemorySize.W, R10, -4, 0x34); a.Mov(R1, 0x1f); a.AtomicXor(MemorySize.W, R10, -4, R1); a.Load(MemorySize.W, R0, R10, -4); }),
            (9, a => { a.Store(MemorySize.DW, R10, -8, 9); a.Mov(R1, 4); a.AtomicExchange(MemorySize.DW, R10, -8, R1); a.Mov(R0, R1); }),
            (4, a => { a.Store(MemorySize.DW, R10, -8, 9); a.Mov(R1, 4); a.Mov(R0, 9); a.AtomicCompareExchange(MemorySize.DW, R10, -8, R1); a.Load(MemorySize.DW, R0, R10, -8); }),
        ]);
    }

    [Fact]
    public void The_kernel_computes_signed_operations_as_the_assembler_says()
    {
        KernelVerifier.Require(6, 6);
        RunAll(
        [
            (0xfffffffd, a => { a.Mov(R0, -7); a.SDiv(R0, 2); }),
            (0xffffffff, a => { a.Mov(R0, -7); a.SMod(R0, 2); }),
            (0xffffffff, a => { a.Mov32(R0, -7); a.Mov32(R1, 2); a.SMod32(R0, R1); }),
            (0xffffff81, a => { a.Mov(R1, 0x1281); a.MovSx(R0, R1, 8); }),
            (0xffffffff, a => { a.Mov32(R1, -1); a.MovSx(R0, R1, 32); a.Rsh(R0, 32); }),
            (0, a => { a.Mov(R1, 0x8000); a.MovSx32(R0, R1, 16); a.Rsh(R0, 32); }),
            (0x2211, a => { a.Mov(R0, 0x331122); a.ByteSwap(R0, 16); }),
            (0xfffffff0, a => { a.Store(MemorySize.DW, R10, -8, 0xf0); a.LoadSigned(MemorySize.B, R0, R10, -8); }),
        ]);
    }

    [Fact]
    public void A_release_store_is_seen_by_an_acquire_load()
    {
        KernelVerifier.Require(6, 15);
        RunAll(
        [
            (42, a => { a.Mov(R1, 42); a.StoreRelease(MemorySize.W, R10, -4, R1); a.LoadAcquire(MemorySize.W, R0, R10, -4); }),
        ]);
    }

    [Fact]
    public void Jumps_land_where_their_labels_are()
    {
        KernelVerifier.Require(6, 6);
        foreach (var op in Enum.GetValues<JumpOp>())
        {
            foreach (var (left, right) in new[] { (1, 2), (2, 2), (-1, 2), (3, 2), (5, -5) })
            {
                Assert.Equal(Compare(op, left, right) ? 1u : 0, KernelVerifier.Run(a =>
                {
                    var no = a.CreateLabel("no");
                    var yes = a.CreateLabel("yes");
                    var yes32 = a.CreateLabel("yes32");
                    a.Mov(R2, left);
                    a.Mov(R3, right);
                    a.JumpIf(op, R2, R3, yes);
                    a.Place(no);
                    a.Mov(R0, 0);
                    a.Exit();
                    a.Place(yes);
                    a.Jump32If(op, R2, right, yes32);
                    a.JumpLong(no);
                    a.Place(yes32);
                    a.Mov(R0, 1);
                    a.Exit();
                }));
            }
        }
    }

    [Fact]
    public void A_loop_with_may_goto_and_a_called_function_runs()
    {
        KernelVerifier.Require(6, 9);
        Assert.Equal(500u, KernelVerifier.Run(a =>
        {
            var top = a.CreateLabel("top");
            var done = a.CreateLabel("done");
            var five = a.CreateLabel("five");
            a.Mov(R6, 0);
            a.Mov(R7, 0);
            a.Place(top);
            a.MayGoto(done);
            a.JumpIf(JumpOp.JGE, R7, 100, done);
            a.Call(five);
            a.Add(R6, R0);
            a.Add(R7, 1);
            a.Jump(top);
            a.Place(done);
            a.Mov(R0, R6);
            a.Exit();
            a.BeginFunction(five, "five");
            a.Mov(R0, 5);
            a.Exit();
        }));
    }

    [Fact]
    public void A_function_pointer_is_a_callback_of_bpf_loop()
    {
        KernelVerifier.Require(5, 17);
        var btf = KernelVerifier.LoadBtf(CallbackBtf());
        Assert.True(btf >= 0, $"BTF was refused with errno {-btf}");
        try
        {
            // func_info: instruction slot, type id of the function.
            Assert.Equal(10u, KernelVerifier.Run(a =>
            {
                var step = a.CreateLabel("step");
                a.Store(MemorySize.DW, R10, -8, 0);
                a.Mov(R1, 10);
                a.LoadFunction(R2, step);
                a.Mov(R3, R10);
                a.Add(R3, -8);
                a.Mov(R4, 0);
                a.Call(HelperId.Loop);
                a.Load(MemorySize.DW, R0, R10, -8);
                a.Exit();
                a.BeginFunction(step, "step");
                a.Load(MemorySize.DW, R1, R2, 0);
                a.Add(R1, 1);
                a.Store(MemorySize.DW, R2, 0, R1);
                a.Mov(R0, 0);
                a.Exit();
            }, (uint)btf, [0, 3, 10, 4]));
        }
        finally
        {
            SystemCalls.Real.Close((int)btf);
        }
    }

    [Fact]
    public void The_verifier_prints_our_instructions_as_we_do()
    {
        KernelVerifier.Require(5, 12);
        var compared = 0;
        var wrong = new List<string>();
        foreach (var (text, emit) in EncodingForms.All())
        {
            var a = new Assembler();
            // All registers are scalars, so that the verifier gets as far as printing the instruction, whatever it then thinks of it.
            foreach (var register in Enum.GetValues<Register>().Where(register => register != R10))
                a.Mov(register, 1);
            var at = a.Count;
            emit(a);
            a.Exit();
            var code = a.Assemble();
            // Refused before anything is printed: maps and variables that are not there, loops without an end, code that nothing reaches.
            if (text.StartsWith("ld_pseudo", StringComparison.Ordinal) || text.StartsWith("goto", StringComparison.Ordinal) || text == "exit"
                || KernelVerifier.Kernel < Since(text))
                continue;
            var result = KernelVerifier.Load(InstructionEncoder.Encode(code.Instructions.AsSpan()), 2, out var log);
            if (result >= 0)
                SystemCalls.Real.Close((int)result);
            var line = LogLine().Matches(log).FirstOrDefault(match => int.Parse(match.Groups["slot"].ValueSpan, CultureInfo.InvariantCulture) == at);
            if (line is null)
            {
                wrong.Add($"{text}: {log[Math.Max(0, log.Length - 200)..]}");
                continue;
            }

            // A helper that is newer than the kernel, which names all of them since 6.2.
            if (KernelVerifier.Kernel < new Version(6, 2) && line.Groups["text"].Value.StartsWith("call unknown#", StringComparison.Ordinal))
                continue;
            compared++;
            var kernel = line.Groups["text"].Value.Replace("pc+", "+", StringComparison.Ordinal).Replace("pc-", "-", StringComparison.Ordinal);
            if (kernel != Disassembler.Format(code.Instructions[at] with { Comment = null }))
                wrong.Add($"{kernel} | {code.Instructions[at]}");
        }

        Assert.Empty(wrong);
        Assert.True(compared > 120, $"only {compared} compared");
    }

    [Fact]
    public void The_kernel_has_our_names_for_all_helpers()
    {
        KernelVerifier.Require(6, 2);
        foreach (var helper in Enum.GetValues<HelperId>())
        {
            var a = new Assembler();
            a.Call(helper);
            a.Exit();
            var result = KernelVerifier.Load(InstructionEncoder.Encode(a.Assemble().Instructions.AsSpan()), 2, out var log);
            // Few helpers are called rightly like this; the verifier names also those that it refuses.
            if (result >= 0)
                SystemCalls.Real.Close((int)result);
            Assert.Matches($@"\b{helper.KernelName()}#{(int)helper}\b", log);
        }
    }

    [GeneratedRegex(@"^(?<slot>\d+): \([0-9a-f]{2}\) (?<text>.*?)(?:\s+;.*)?$", RegexOptions.Multiline)]
    private static partial Regex LogLine();

    private static void RunAll((uint Expected, Action<Assembler> Build)[] programs)
    {
        foreach (var (expected, build) in programs)
        {
            Assert.Equal(expected, KernelVerifier.Run(a =>
            {
                build(a);
                a.Exit();
            }));
        }
    }

    /// <summary>The first kernel with the instruction; atomics with a result are of 5.12.</summary>
    private static Version Since(string llvm) =>
        llvm.Contains("load_acquire", StringComparison.Ordinal) || llvm.Contains("store_release", StringComparison.Ordinal) ? new(6, 15)
        : llvm.Contains("may_goto", StringComparison.Ordinal) ? new(6, 9)
        : InstructionSetV4().IsMatch(llvm) ? new(6, 6)
        : new(5, 12);

    [GeneratedRegex(@"s/=|s%=|\(s\d+|bswap")]
    private static partial Regex InstructionSetV4();

    private static bool Compare(JumpOp op, int left, int right) => op switch
    {
        JumpOp.JEQ => left == right,
        JumpOp.JNE => left != right,
        JumpOp.JGT => (uint)left > (uint)right,
        JumpOp.JGE => (uint)left >= (uint)right,
        JumpOp.JLT => (uint)left < (uint)right,
        JumpOp.JLE => (uint)left <= (uint)right,
        JumpOp.JSET => (left & right) != 0,
        JumpOp.JSGT => left > right,
        JumpOp.JSGE => left >= right,
        JumpOp.JSLT => left < right,
        _ => left <= right,
    };

    /// <summary>BTF of <c>int main()</c>, global, and of a static <c>int step()</c>: type ids 3 and 4.</summary>
    private static byte[] CallbackBtf()
    {
        const uint kindInt = 1, kindFunction = 12, kindPrototype = 13, global = 1;
        var names = "\0int\0main\0step\0"u8;
        uint[] types = [1, kindInt << 24, 4, 1u << 24 | 32, 0, kindPrototype << 24, 1, 5, kindFunction << 24 | global, 2, 10, kindFunction << 24, 2];
        var typeBytes = types.Length * 4;
        uint[] header = [0x0001eb9f, 24, 0, (uint)typeBytes, (uint)typeBytes, (uint)names.Length];
        return [.. MemoryMarshal.AsBytes<uint>(header), .. MemoryMarshal.AsBytes<uint>(types), .. names];
    }
}
