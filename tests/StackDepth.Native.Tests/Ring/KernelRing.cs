using System.Text;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Ring;

/// <summary>When a producer program notifies the consumer.</summary>
internal enum Wakeups
{
    /// <summary>The kernel's own choice: when the consumer has caught up.</summary>
    Default = 0,

    /// <summary>BPF_RB_NO_WAKEUP.</summary>
    Never = 1,

    /// <summary>BPF_RB_FORCE_WAKEUP.</summary>
    Always = 2,

    /// <summary>Not until 64 KiB, or half the ring, are pending.</summary>
    Adaptive = 3,

    /// <summary>
    /// Once per 64 KiB, or half the ring, written, however much is pending: the first few records of each such block. A consumer that is behind
    /// does not make each record pay for a wake-up.
    /// </summary>
    PerBlock = 5,
}

/// <summary>
/// A ring buffer of the kernel's, made with attrs of its own (the library's loader is not under test here), and programs that write into it each time they
/// are run by BPF_PROG_TEST_RUN, millions of times per call if need be.
/// </summary>
internal sealed unsafe class KernelRing : IDisposable
{
    private const int SchedCls = 3; // Runs again and again without waiting for RCU, as XDP would at each start.
    private const int Array = 2;
    private const int RingBuffer = 27;
    private readonly List<int> _descriptors = [];

    internal KernelRing(int dataBytes)
    {
        DataBytes = dataBytes;
        Fd = CreateMap(RingBuffer, 0, 0, dataBytes);
    }

    internal int Fd { get; }

    internal int DataBytes { get; }

    /// <summary>A program that writes one record per run: a sequence number from <paramref name="first"/> on, its complement, and filler.</summary>
    /// <param name="wakeups">When it notifies.</param>
    /// <param name="varied">16 bytes each, or 16 to 79.</param>
    /// <param name="discardEvery">A power of two: each so-manyth record is reserved and discarded. 0 for none.</param>
    /// <param name="first">The first sequence number.</param>
    internal Producer Load(Wakeups wakeups = Wakeups.Default, bool varied = false, int discardEvery = 0, ulong first = 0)
    {
        int state = CreateMap(Array, 4, 128, 1);
        byte* value = stackalloc byte[128];
        new Span<byte>(value, 128).Fill(0x5A);
        *(ulong*)value = first;
        *(ulong*)(value + 8) = 0;
        UpdateState(state, value);

        List<ulong> code = [];
        void Emit(byte op, int dst = 0, int src = 0, int off = 0, int imm = 0) =>
            code.Add(op | ((ulong)(dst | (src << 4)) << 8) | ((ulong)(ushort)off << 16) | ((ulong)(uint)imm << 32));
        void Fd64(int dst, int pseudo, int fd)
        {
            Emit(0x18, dst, pseudo, 0, fd);
            Emit(0);
        }

        Fd64(6, 2, state);              // r6 = &state
        Emit(0x79, 8, 6, 0);            // r8 = state.sequence
        Emit(0xbf, 1, 8);
        Emit(0x07, 1, imm: 1);
        Emit(0x7b, 6, 1, 0);            // state.sequence++
        Emit(0x7b, 6, 8, 16);           // record.sequence
        Emit(0xbf, 1, 8);
        Emit(0xa7, 1, imm: -1);
        Emit(0x7b, 6, 1, 24);           // record.complement
        Emit(0xb7, 7, imm: 16);         // r7 = length
        if (varied)
        {
            Emit(0xbf, 7, 8);
            Emit(0x57, 7, imm: 63);
            Emit(0x07, 7, imm: 16);
        }

        Emit(0xb7, 9, imm: (int)wakeups & 3); // r9 = flags
        if (wakeups == Wakeups.Adaptive)
        {
            Fd64(1, 1, Fd);
            Emit(0xb7, 2, imm: 0);      // BPF_RB_AVAIL_DATA
            Emit(0x85, imm: 134);       // bpf_ringbuf_query
            Emit(0xb7, 9, imm: 1);
            Emit(0xa5, 0, off: 1, imm: Math.Min(65536, DataBytes / 2));
            Emit(0xb7, 9, imm: 2);
        }

        else if (wakeups == Wakeups.PerBlock)
        {
            Fd64(1, 1, Fd);
            Emit(0xb7, 2, imm: 3);      // BPF_RB_PROD_POS
            Emit(0x85, imm: 134);
            Emit(0x57, 0, imm: Math.Min(65536, DataBytes / 2) - 1);
            Emit(0xb7, 9, imm: 1);
            Emit(0x25, 0, off: 1, imm: varied ? 176 : 96);
            Emit(0xb7, 9, imm: 2);
        }

        if (discardEvery != 0)
        {
            Emit(0xbf, 1, 8);
            Emit(0x57, 1, imm: discardEvery - 1);
            Emit(0x55, 1, off: 11, imm: 0);
            Fd64(1, 1, Fd);
            Emit(0xb7, 2, imm: 16);
            Emit(0xb7, 3, imm: 0);
            Emit(0x85, imm: 131);       // bpf_ringbuf_reserve
            Emit(0x15, 0, off: 13, imm: 0); // none: state.lost++, below
            Emit(0xbf, 1, 0);
            Emit(0xbf, 2, 9);
            Emit(0x85, imm: 133);       // bpf_ringbuf_discard
            Emit(0xb7, 0, imm: 0);
            Emit(0x95);
        }

        Fd64(1, 1, Fd);
        Emit(0xbf, 2, 6);
        Emit(0x07, 2, imm: 16);
        Emit(0xbf, 3, 7);
        Emit(0xbf, 4, 9);
        Emit(0x85, imm: 130);           // bpf_ringbuf_output
        Emit(0x15, 0, off: 3, imm: 0);
        Emit(0x79, 1, 6, 8);
        Emit(0x07, 1, imm: 1);
        Emit(0x7b, 6, 1, 8);            // state.lost++
        Emit(0xb7, 0, imm: 0);
        Emit(0x95);
        return new Producer(LoadProgram([.. code]), state);
    }

    public void Dispose()
    {
        foreach (int fd in _descriptors)
        {
            SystemCalls.Real.Close(fd);
        }
    }

    private int CreateMap(int type, int key, int value, int entries)
    {
        int* attr = stackalloc int[] { type, key, value, entries, 0 };
        return Own(SystemCalls.Real.Bpf(BpfCommand.MapCreate, attr, 20), "");
    }

    private static void UpdateState(int map, byte* value)
    {
        int key = 0;
        ulong* attr = stackalloc ulong[] { (uint)map, (ulong)&key, (ulong)value, 0 };
        Assert.Equal(0, SystemCalls.Real.Bpf(BpfCommand.MapUpdateElem, attr, 32));
    }

    private int LoadProgram(ulong[] code)
    {
        byte[] log = new byte[64 * 1024];
        fixed (ulong* instructions = code)
        fixed (byte* license = "Dual MIT/GPL\0"u8, text = log)
        {
            byte* attr = stackalloc byte[128];
            new Span<byte>(attr, 128).Clear();
            *(uint*)attr = SchedCls;
            *(uint*)(attr + 4) = (uint)code.Length;
            *(ulong*)(attr + 8) = (ulong)instructions;
            *(ulong*)(attr + 16) = (ulong)license;
            *(uint*)(attr + 24) = 1;
            *(uint*)(attr + 28) = (uint)log.Length;
            *(ulong*)(attr + 32) = (ulong)text;
            return Own(SystemCalls.Real.Bpf(BpfCommand.ProgLoad, attr, 128), Encoding.UTF8.GetString(log).TrimEnd('\0'));
        }
    }

    private int Own(long fd, string log)
    {
        if (fd is -1 or -38 && Environment.GetEnvironmentVariable("STACKDEPTH_REQUIRE") != "1")
        {
            Assert.Skip($"BPF ring buffers need CAP_BPF and a kernel that has them (errno {-fd})");
        }

        Assert.True(fd >= 0, $"errno {-fd}: {log}");
        _descriptors.Add((int)fd);
        return (int)fd;
    }

    /// <summary>A loaded program and its counters.</summary>
    internal sealed class Producer(int program, int state)
    {
        /// <summary>How many records there would be, had none been lost: the next sequence number.</summary>
        internal ulong Next => Read(0);

        /// <summary>How many records found no room.</summary>
        internal ulong Lost => Read(1);

        /// <summary>Runs the program so many times, one record each.</summary>
        internal void Run(int times)
        {
            byte* packet = stackalloc byte[64];
            byte* attr = stackalloc byte[80];
            ulong goal = Next + (ulong)times;
            while (times > 0)
            {
                new Span<byte>(attr, 80).Clear();
                *(int*)attr = program;
                *(uint*)(attr + 8) = 64;
                *(ulong*)(attr + 16) = (ulong)packet;
                *(int*)(attr + 32) = times;
                long result = SystemCalls.Real.Bpf(BpfCommand.ProgTestRun, attr, 80);
                Assert.True(result is 0 or -4, $"BPF_PROG_TEST_RUN: errno {-result}");
                times = (int)(goal - Next); // A signal ends a run early.
            }
        }

        private ulong Read(int index)
        {
            int key = 0;
            ulong* value = stackalloc ulong[16];
            ulong* attr = stackalloc ulong[] { (uint)state, (ulong)&key, (ulong)value, 0 };
            Assert.Equal(0, SystemCalls.Real.Bpf(BpfCommand.MapLookupElem, attr, 32));
            return value[index];
        }
    }
}
