using System.Buffers.Binary;
using StackDepth.Native.Btf;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Btf;

public sealed class BtfTests
{
    private static byte[] Small()
    {
        var builder = new BtfBuilder();
        builder.AddFunction("main", builder.AddFunctionPrototype(builder.Int32, builder.PointerToVoid));
        return builder.Build();
    }

    [Fact]
    public void The_kernels_own_types_have_the_fields_of_a_task()
    {
        Requires.That(File.Exists(VmlinuxBtf.DefaultPath), "BTF of the kernel");
        var btf = VmlinuxBtf.TryRead()!;
        Assert.True(btf.TypeCount > 10_000);
        Assert.True(btf.TryGetFieldOffset("task_struct", "pid", out var pid));
        Assert.True(btf.TryGetFieldOffset("task_struct", "tgid", out var tgid));
        Assert.True(btf.TryGetFieldOffset("task_struct", "real_parent", out var parent));
        Assert.Equal(pid + 4, tgid);
        Assert.True(parent > tgid);
        Assert.True(btf.TryGetFieldOffset("task_struct", "thread_info", out var first));
        Assert.Equal(0, first);
    }

    [Fact]
    public void Where_the_file_cannot_be_mapped_it_is_read_with_the_same_answers()
    {
        Requires.That(File.Exists(VmlinuxBtf.DefaultPath), "BTF of the kernel");
        var sys = new NoMapping();
        VmlinuxBtf mapped = VmlinuxBtf.TryRead()!, read = VmlinuxBtf.TryRead(sys: sys)!;
        Assert.Equal(1, sys.Refused);
        Assert.Equal(mapped.TypeCount, read.TypeCount);
        Assert.True(mapped.TryGetFieldOffset("signal_struct", "live", out var expected));
        Assert.True(read.TryGetFieldOffset("signal_struct", "live", out var actual));
        Assert.Equal(expected, actual);
    }

    private sealed class NoMapping : SystemCalls
    {
        internal int Refused { get; private set; }

        internal override long MMap(nuint length, int protection, int flags, int fd, long offset)
        {
            Refused++;
            return -(long)Errno.EINVAL;
        }
    }

    [Fact]
    public void A_field_of_an_anonymous_member_is_found()
    {
        Requires.That(File.Exists(VmlinuxBtf.DefaultPath), "BTF of the kernel");
        var btf = VmlinuxBtf.TryRead()!;

        // struct page { unsigned long flags; union { struct { union { struct list_head lru; ... }; struct address_space *mapping; ... } } }
        Assert.True(btf.TryGetFieldOffset("page", "mapping", out var mapping));
        Assert.Equal(24, mapping);
    }

    [Fact]
    public void What_is_not_there_is_not_found()
    {
        Requires.That(File.Exists(VmlinuxBtf.DefaultPath), "BTF of the kernel");
        var btf = VmlinuxBtf.TryRead()!;
        Assert.False(btf.TryGetFieldOffset("task_struct", "no_such_field", out _));
        Assert.False(btf.TryGetFieldOffset("no_such_struct", "pid", out _));
        Assert.False(btf.TryGetFieldOffset("", "", out _));
        Assert.False(btf.TryGetFieldOffset("task_struct", "in_execve", out _), "a bit field has no offset in bytes");
        Assert.Null(VmlinuxBtf.TryRead("/nowhere/at/all"));
    }

    [Fact]
    public void The_builders_blob_is_taken_by_the_kernel_and_by_the_reader()
    {
        Assert.Equal(7, VmlinuxBtf.Parse(Small()).TypeCount);
        Requires.Bpf();
        using var handle = BtfObject.Load(Small(), SystemCalls.Real);
        Assert.False(handle.IsInvalid);
    }

    [Fact]
    public void A_blob_that_the_kernel_rejects_is_refused_with_its_log()
    {
        Requires.Bpf();
        var blob = Small();
        blob[24 + 4 + 3] = 0x1f;
        var error = Assert.Throws<KernelException>(() => BtfObject.Load(blob, SystemCalls.Real));
        Assert.Contains("Its log:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_damage_to_a_blob_is_answered_without_a_crash()
    {
        var good = Cyclic();
        Assert.False(VmlinuxBtf.Parse(good).TryGetFieldOffset("s", "x", out _));
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var blob = good[..random.Next(good.Length + 1)];
            for (var i = random.Next(4); i > 0 && blob.Length > 0; i--)
            {
                blob[random.Next(blob.Length)] = (byte)random.Next(256);
            }

            try
            {
                _ = VmlinuxBtf.Parse(blob).TryGetFieldOffset("s", "x", out _);
            }
            catch (InvalidDataException)
            {
                // The only exception that damage may cause.
            }
        }
    }

    /// <summary>A struct "s" of four anonymous members, each of them "s" again: followed without bounds, it has no end.</summary>
    private static byte[] Cyclic()
    {
        const int members = 4;
        var blob = new byte[24 + 12 + members * 12 + 3];
        void Word(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(at), value);
        BinaryPrimitives.WriteUInt16LittleEndian(blob, BtfFormat.Magic);
        blob[2] = 1;
        Word(4, 24);
        Word(12, 12 + members * 12);
        Word(16, 12 + members * 12);
        Word(20, 3);
        Word(24, 1);
        Word(28, ((uint)BtfKind.Struct << 24) | members);
        for (var i = 0; i < members; i++)
        {
            Word(36 + i * 12 + 4, 1);
        }

        blob[^2] = (byte)'s';
        return blob;
    }
}
