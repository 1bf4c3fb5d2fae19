using System.Runtime.InteropServices;
using StackDepth.Native.Btf;
using StackDepth.Native.Kernel;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tests.Kernel;

public sealed class KernelSignatureTests
{
    private static VmlinuxBtf Types()
    {
        Requires.That(File.Exists(VmlinuxBtf.DefaultPath), "BTF of the kernel");
        return VmlinuxBtf.TryRead()!;
    }

    [Theory]
    [InlineData("bpf_fentry_test3", "int bpf_fentry_test3(char a, int b, u64 c)")]
    [InlineData("bpf_fentry_test4", "int bpf_fentry_test4(void * a, char b, int c, u64 d)")]
    [InlineData("seq_read_iter", "ssize_t seq_read_iter(struct kiocb * iocb, struct iov_iter * iter)")]
    [InlineData("vfs_fsync", "int vfs_fsync(struct file * file, int datasync)")]
    [InlineData("free_pages", "void free_pages(long unsigned int addr, unsigned int order)")]
    public void A_function_is_declared_as_in_the_kernels_source(string name, string declaration) =>
        Assert.Equal(declaration, Types().FindSignature(name)?.ToString());

    [Fact]
    public void Values_have_their_size_and_kind()
    {
        var function = Types().FindSignature("bpf_fentry_test5")!; // u64 a, void *b, short c, int d, u64 e
        Assert.Equal([8, 8, 2, 4, 8], function.Parameters.Select(static p => p.Size));
        Assert.Equal(
            [KernelValueKind.Unsigned, KernelValueKind.Pointer, KernelValueKind.Signed, KernelValueKind.Signed, KernelValueKind.Unsigned], function.Parameters.Select(static p => p.Kind));
        Assert.All(function.Parameters, static p => Assert.True(p.IsScalar));
        Assert.Equal(3, function.IndexOf("d"));
        Assert.Equal(-1, function.IndexOf("z"));
        Assert.True(Types().FindSignature("_printk")!.IsVariadic);
        Assert.Null(Types().FindSignature("no_such_function_here"));
    }

    [Fact]
    public void Many_are_found_in_one_pass_and_each_is_what_its_id_says()
    {
        var types = Types();
        var found = types.FindSignatures(["vfs_fsync", "seq_read_iter", "no_such_function_here"]);
        Assert.Equal(2, found.Count);
        Assert.All(found, pair => Assert.Equal((pair.Key, types.FindFunction(pair.Key)), (pair.Value.Name, (int?)pair.Value.Id)));
    }

    [Fact]
    public void Every_function_of_the_kernel_can_be_described()
    {
        var types = Types();
        int functions = 0, scalars = 0;
        types.VisitFunctions((_, id) =>
        {
            var signature = types.FindSignature(id);
            Assert.NotNull(signature);
            functions++;
            scalars += signature.Parameters.All(static p => p.IsScalar) ? 1 : 0;
            Assert.All(signature.Parameters, static p => Assert.NotEqual(KernelValueKind.Other, p.Kind));
        });
        Assert.InRange(functions, 10_000, 500_000);
        Assert.InRange(scalars, functions * 9 / 10, functions);
    }

    [Theory]
    [InlineData(Architecture.X64, new[] { 112, 104, 96, 88, 72, 64 }, 8, 80)]
    [InlineData(Architecture.Arm64, new[] { 0, 8, 16, 24, 32, 40, 48, 56 }, 0, 0)]
    public void Registers_hold_the_first_arguments_and_the_stack_the_others(Architecture machine, int[] offsets, int firstOnStack, int result)
    {
        Assert.Equal(offsets, Enumerable.Range(0, offsets.Length).Select(i => KernelArguments.Kprobe(i, machine).Offset));
        Assert.Equal(new ArgumentPlace(ArgumentBase.StackPointer, firstOnStack), KernelArguments.Kprobe(offsets.Length, machine));
        Assert.Equal(new ArgumentPlace(ArgumentBase.StackPointer, firstOnStack + 8), KernelArguments.Kprobe(offsets.Length + 1, machine));
        Assert.Equal(new ArgumentPlace(ArgumentBase.Context, result), KernelArguments.KprobeResult(machine));
    }

    [Fact]
    public void A_struct_by_value_takes_its_slots_and_ends_what_is_known_of_registers()
    {
        KernelValue number = new("n", "int", 4, KernelValueKind.Signed), pair = new("p", "struct pair", 16, KernelValueKind.Aggregate);
        var function = new KernelFunctionSignature("f", 1, [number, pair, number], number, false);
        Assert.Equal([0, 8, 24], Enumerable.Range(0, 3).Select(i => KernelArguments.Tracing(function, i).Offset));
        Assert.Equal(32, KernelArguments.TracingResult(function)!.Value.Offset);
        Assert.Equal(112, KernelArguments.Kprobe(function, 0, Architecture.X64)!.Value.Offset);
        Assert.Null(KernelArguments.Kprobe(function, 1, Architecture.X64));
        Assert.Null(KernelArguments.Kprobe(function, 2, Architecture.X64));
        Assert.Null(KernelArguments.TracingResult(function with { Result = null }));
    }

    [Fact]
    public void What_takes_no_fentry_is_refused_with_the_reason()
    {
        var types = Types();
        var plain = new KernelFunction("vfs_fsync", 1);
        Assert.Equal("vfs_fsync", TracedFunction.Describe(new([plain], 0, 0), types, "x").Single().Signature.Name);
        Refused(new([plain with { Name = "_printk" }], 0, 0), "variable number");
        Refused(new([plain with { Module = "fuse" }], 0, 0), "module");
        Refused(new([plain, plain with { Address = 2 }], 0, 0), "several functions");
        Refused(new([plain with { Name = "no_such_function_here" }], 0, 0), "do not describe");
        Refused(new([plain], 4, 0), "no instruction within");
        Assert.Contains("CONFIG_DEBUG_INFO_BTF", Assert.Throws<TargetException>(() => TracedFunction.Describe(new([plain], 0, 0), null, "x")).Message, StringComparison.Ordinal);

        void Refused(KernelFunctionMatch match, string reason) =>
            Assert.Contains(reason, Assert.Throws<TargetException>(() => TracedFunction.Describe(match, types, "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_damage_to_a_description_is_answered_without_a_crash()
    {
        var builder = new BtfBuilder();
        for (var i = 0; i < 5; i++)
        {
            builder.AddFunction($"f{i}", builder.AddFunctionPrototype(builder.Int32, builder.PointerToVoid, builder.UInt64));
        }

        var good = builder.Build();
        Assert.Equal("int f1(void * arg0, unsigned_long arg1)", VmlinuxBtf.Parse(good).FindSignature("f1")!.ToString());
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var blob = good[..random.Next(good.Length * 3 / 4, good.Length + 1)];
            for (var i = random.Next(4); i > 0; i--)
            {
                blob[random.Next(blob.Length)] = (byte)random.Next(256);
            }

            try
            {
                var types = VmlinuxBtf.Parse(blob);
                types.VisitFunctions((name, id) => Assert.NotEqual("", types.FindSignature(id)?.ToString()));
            }
            catch (InvalidDataException)
            {
                // The only exception that damage may cause.
            }
        }
    }
}
