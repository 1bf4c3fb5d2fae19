using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>
/// Functions that begin with an AVX instruction: x86's uprobes know most by an opcode byte that means another instruction elsewhere, and would execute that one. glibc's
/// strchr begins so: a probe of it breaks every program of the system.
/// </summary>
public sealed class VectorInstructionTests
{
    private const string Source = """
        #define FUNCTION(name, instruction) \
            int name(void); \
            __asm__(".globl " #name "\n.type " #name ",@function\n" #name ":\n " instruction "\n vpmovmskb %xmm2, %eax\n ret\n.size " #name ",.-" #name "\n")
        FUNCTION(set_and, "vpand %xmm1, %xmm1, %xmm2");          /* db: means itself */
        FUNCTION(set_compare, "vpcmpeqb %xmm1, %xmm1, %xmm2");   /* 74: je */
        FUNCTION(set_or, "vpor %xmm1, %xmm1, %xmm2");            /* eb: jmp */
        FUNCTION(set_shuffle, "vpshufd $0, %xmm1, %xmm2");       /* 70: jo */
        FUNCTION(set_compare_ps, "vcmpps $15, %xmm1, %xmm1, %xmm2"); /* c2: ret */
        static int right(int (*function)(void))
        {
            __asm__ volatile("vpcmpeqb %%xmm1, %%xmm1, %%xmm1\n vpxor %%xmm2, %%xmm2, %%xmm2" ::: "xmm1", "xmm2");
            return function() == 0xffff;
        }
        int main(void)
        {
            return right(set_and) && right(set_compare) && right(set_or) && right(set_shuffle) && right(set_compare_ps) ? 0 : 1;
        }
        """;

    [Fact]
    public async Task A_program_with_all_its_functions_probed_computes_what_it_computes_without()
    {
        Requires.Bpf();
        Requires.Tool("gcc");
        Requires.That(File.ReadAllText("/proc/cpuinfo").Contains(" avx ", StringComparison.Ordinal), "a processor with AVX");
        using var folder = new Folder();
        File.WriteAllText(folder["vector.c"], Source);
        using (var gcc = Process.Start("gcc", ["-O0", "-o", folder["vector"], folder["vector.c"]]))
        {
            gcc.WaitForExit();
            Assert.Equal(0, gcc.ExitCode);
        }

        var query = Probe.UProbe(folder["vector"], "set_*").GroupBy(static s => s.Function).Count();
        var run = await query.RunAsync(new(folder["vector"]), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(["set_and"], run.Result.Keys.Select(static function => function.Name));
        Assert.Contains("4 functions are left out", query.Explain().TargetNote, StringComparison.Ordinal);
        var error = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(
            async () => await Probe.UProbe(folder["vector"], "set_compare").Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("cannot probe", error.Message, StringComparison.Ordinal);
    }
}
