using System.Text;
using StackDepth.Native.Asm;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Asm;

/// <summary>The least of a loader that the assembler's own tests need: socket filters, which the kernel can run without attaching them.</summary>
internal static unsafe class KernelVerifier
{
    private const int SocketFilter = 1;
    private const int LogSize = 1 << 18;
    private static readonly byte[] License = [.. "Dual MIT/GPL\0"u8];

    /// <summary>The version of the running kernel.</summary>
    internal static Version Kernel => Environment.OSVersion.Version;

    /// <summary>Skips the test where BPF is not allowed, or fails it where it was required; always skips it on kernels that are too old.</summary>
    internal static void Require(int major, int minor)
    {
        if (Kernel < new Version(major, minor))
            Assert.Skip($"needs Linux {major}.{minor}, and this is {Kernel}");
        var result = Load(InstructionEncoder.Encode([new Instruction { Code = 0xb7 }, new Instruction { Code = 0x95 }]), 0, out _);
        if (result >= 0)
        {
            SystemCalls.Real.Close((int)result);
            return;
        }

        var reason = $"BPF programs cannot be loaded here (errno {-result}): needs CAP_BPF";
        if (Environment.GetEnvironmentVariable("STACKDEPTH_REQUIRE") == "1")
            Assert.Fail(reason);
        Assert.Skip(reason);
    }

    /// <summary>Loads a program and answers its descriptor or a negated errno, and the verifier's log at <paramref name="logLevel"/> 1 or 2.</summary>
    internal static long Load(byte[] code, uint logLevel, out string log, uint btf = 0, uint[]? functionInfo = null)
    {
        var buffer = logLevel == 0 ? [] : new byte[LogSize];
        // The head of union bpf_attr for BPF_PROG_LOAD, up to func_info_cnt.
        var attr = stackalloc ulong[12];
        new Span<ulong>(attr, 12).Clear();
        fixed (byte* instructions = code, license = License, text = buffer)
        fixed (uint* functions = functionInfo)
        {
            ((uint*)attr)[0] = SocketFilter;
            ((uint*)attr)[1] = (uint)(code.Length / 8);
            attr[1] = (ulong)instructions;
            attr[2] = (ulong)license;
            ((uint*)attr)[6] = logLevel;
            ((uint*)attr)[7] = (uint)buffer.Length;
            attr[4] = (ulong)text;
            ((uint*)attr)[18] = btf;
            ((uint*)attr)[19] = functionInfo is null ? 0u : 8;
            attr[10] = (ulong)functions;
            ((uint*)attr)[22] = (uint)(functionInfo?.Length ?? 0) / 2;
            var result = SystemCalls.Real.Bpf(BpfCommand.ProgLoad, attr, 96);
            log = Encoding.UTF8.GetString(buffer).TrimEnd('\0');
            return result;
        }
    }

    /// <summary>Loads BTF and answers its descriptor or a negated errno.</summary>
    internal static long LoadBtf(byte[] btf)
    {
        var attr = stackalloc ulong[4];
        new Span<ulong>(attr, 4).Clear();
        fixed (byte* bytes = btf)
        {
            attr[0] = (ulong)bytes;
            ((uint*)attr)[4] = (uint)btf.Length;
            return SystemCalls.Real.Bpf(BpfCommand.BtfLoad, attr, 32);
        }
    }

    /// <summary>Runs a loaded socket filter once on an empty packet and answers r0 of its exit, 32 bits of it.</summary>
    internal static uint Run(int program)
    {
        var packet = stackalloc byte[64];
        new Span<byte>(packet, 64).Clear();
        var attr = stackalloc ulong[10];
        new Span<ulong>(attr, 10).Clear();
        ((uint*)attr)[0] = (uint)program;
        ((uint*)attr)[2] = 64;
        attr[2] = (ulong)packet;
        var result = SystemCalls.Real.Bpf(BpfCommand.ProgTestRun, attr, 80);
        Assert.True(result == 0, $"BPF_PROG_TEST_RUN failed with errno {-result}");
        return ((uint*)attr)[1];
    }

    /// <summary>Assembles, loads, runs.</summary>
    internal static uint Run(Action<Assembler> build, uint btf = 0, uint[]? functionInfo = null)
    {
        var a = new Assembler();
        build(a);
        var code = a.Assemble();
        var program = Load(InstructionEncoder.Encode(code.Instructions.AsSpan()), 1, out var log, btf, functionInfo);
        Assert.True(program >= 0, $"errno {-program}\n{Disassembler.Format(code)}\n{log}");
        try
        {
            return Run((int)program);
        }
        finally
        {
            SystemCalls.Real.Close((int)program);
        }
    }
}
