using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Usdt;

namespace StackDepth.Core.Tests.Compile;

/// <summary>An argument that lies elsewhere at each site, and one that cannot be read.</summary>
public sealed class UsdtArgumentTests
{
    private const ulong Frame = 0x7fff_0000_1000;

    [Fact]
    public void Each_site_has_its_own_operand_and_what_cannot_be_read_is_counted_and_in_no_result()
    {
        UsdtArgument[] operands = [.. ((string[])["-4@$-7", "4@-20(%rbp)", "8@(%rsp)"]).Select(static operand => UsdtArgumentParser.Parse(operand, 62)[0])];
        var target = GoldenQueries.Target with { Sites = 3, Named = GoldenQueries.Target.Named.Add("arg0", new ArgumentPlace([.. operands])) };
        var run = new CompiledRun(Probe.Usdt("demo", "demo", "tick").Where(s => s.Arg(0) != 3).Select(s => s.Arg(0)).Query, target);
        var process = new SimulatedProcess(run.Machine.Memory, GoldenQueries.Fields, 7, started: 1);
        process.SetRegisters(ip: 0x1000, sp: Frame - 64, bp: Frame);
        // Eight bytes from Frame - 24 on: the number is their upper half.
        process.Memory.Write(Frame - 24, 0xfedc_ba98_0000_0000);
        process.Memory.Write(Frame - 64, 42);

        for (var site = 0UL; site < 3; site++)
            run.Run(new() { Process = process, Pid = 7, Cookie = site });
        Assert.Equal([-7L, 0xfedc_ba98, 42], Values());
        Assert.Equal((3, 0), (run.Counter(HealthCounter.Hits), run.Counter(HealthCounter.ReadErrors)));

        process.SetRegisters(ip: 0x1000, sp: 8, bp: Frame);
        for (var site = 0UL; site < 3; site++)
            run.Run(new() { Process = process, Pid = 7, Cookie = site });
        Assert.Equal([-7L, 0xfedc_ba98, 42, -7, 0xfedc_ba98], Values());
        Assert.Equal((5, 1), (run.Counter(HealthCounter.Hits), run.Counter(HealthCounter.ReadErrors)));
        run.AssertAtRest();

        IEnumerable<long> Values() => run.Machine.Ring!.Records.Select(static record => BinaryPrimitives.ReadInt64LittleEndian(record.Bytes));
    }
}
