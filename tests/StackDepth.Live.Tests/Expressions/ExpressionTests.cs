using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Expressions;

/// <summary>What the kernel computes of a function's arguments, against what C# computes of the same numbers.</summary>
public sealed class ExpressionTests
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static readonly long[] Edges = [0, 1, -1, 2, -2, 3, -7, 31, 32, 63, 64, 65, 1_000, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue, long.MinValue + 1];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Every pair of edges, one at a call.
    private static (long A, long B)[] Pairs { get; } = [.. from a in Edges from b in Edges select (a, b)];

    [Fact]
    public Task Signed_numbers_of_64_bits_are_those_of_CSharp() => Check(
        s => (s.Arg(0) + s.Arg(1) * 3 - (s.Arg(0) ^ s.Arg(1)), s.Arg(0) / s.Arg(1), s.Arg(0) % s.Arg(1)),
        (a, b) => (unchecked(a + b * 3 - (a ^ b)), b == 0 ? 0 : b == -1 ? unchecked(-a) : a / b, b is 0 or -1 ? 0 : a % b));

    [Fact]
    public Task Signed_numbers_of_32_bits_are_those_of_CSharp() => Check(
        s => (s.Arg(0).ToInt32() * s.Arg(1).ToInt32(), s.Arg(0).ToInt32() / s.Arg(1).ToInt32(), -s.Arg(0).ToInt32() % s.Arg(1).ToInt32()),
        (a, b) => unchecked(((int)a * (int)b, (int)b == 0 ? 0 : (int)b == -1 ? -(int)a : (int)a / (int)b, (int)b is 0 or -1 ? 0 : -(int)a % (int)b)));

    [Fact]
    public Task Unsigned_numbers_of_64_bits_are_those_of_CSharp() => Check(
        s => (s.Arg(0).ToUInt64() / s.Arg(1).ToUInt64(), s.Arg(0).ToUInt64() % s.Arg(1).ToUInt64(), s.Arg(0).ToUInt64() > s.Arg(1).ToUInt64()),
        (a, b) => (b == 0 ? 0 : (ulong)a / (ulong)b, b == 0 ? 0 : (ulong)a % (ulong)b, (ulong)a > (ulong)b));

    [Fact]
    public Task Unsigned_numbers_of_32_bits_are_those_of_CSharp() => Check(
        s => (s.Arg(0).ToUInt32() - s.Arg(1).ToUInt32(), ~s.Arg(0).ToUInt32() / s.Arg(1).ToUInt32(), Expr.Max(s.Arg(0).ToUInt32(), s.Arg(1).ToUInt32())),
        (a, b) => unchecked(((uint)a - (uint)b, (uint)b == 0 ? 0 : ~(uint)a / (uint)b, uint.Max((uint)a, (uint)b))));

    [Fact]
    public Task Shifts_take_their_count_modulo_the_width() => Check(
        s => (s.Arg(0) << s.Arg(1).ToInt32(), s.Arg(0).ToInt32() >> s.Arg(1).ToInt32(), s.Arg(0).ToUInt32() >> s.Arg(1).ToInt32()),
        (a, b) => (a << (int)b, (int)a >> (int)b, (uint)a >> (int)b));

    [Fact]
    public Task Choices_extremes_and_sets_are_what_they_say() => Check(
        s => (Expr.If(s.Arg(0) > s.Arg(1) & !s.Arg(0).IsIn(3, long.MaxValue), Expr.Abs(s.Arg(0)), Expr.Min(s.Arg(1), 64L)), s.Arg(0).IsIn(1, -7, 1L << 40), s.Arg(1).ToInt32().IsIn(-1, int.MinValue)),
        (a, b) => (a > b && a is not (3 or long.MaxValue) ? a == long.MinValue ? a : long.Abs(a) : long.Min(b, 64), a is 1 or -7 or 1L << 40, (int)b is -1 or int.MinValue));

    [Fact]
    public async Task All_six_arguments_in_registers_are_delivered()
    {
        var start = new ProcessStartInfo(Program, ["1", "-2", "3", "-4", "5", "-6"]);
        var first = await Probe.UProbe(Program, "probed").Select(s => (s.Arg(0), s.Arg(1), s.Arg(2))).RunAsync(start, Quiet, Cancellation);
        var last = await Probe.UProbe(Program, "probed").Select(s => (s.Arg(3), s.Arg(4), s.Arg(5))).RunAsync(start, Quiet, Cancellation);

        Assert.Equal((1, -2, 3), Assert.Single(first.Result));
        Assert.Equal((-4, 5, -6), Assert.Single(last.Result));
    }

    [Fact]
    public async Task Who_hits_a_probe_where_is_what_the_system_says()
    {
        var start = new ProcessStartInfo(Program, ["1", "2", "3", "4", "5", "6"]);
        var source = Probe.UProbe(Program, "probed");
        var ids = await source.Select(s => (s.Uid, s.Gid, s.Cpu)).RunAsync(start, Quiet, Cancellation);
        var cgroups = await source.Where(s => s.Comm.StartsWith("arg") & s.Comm.IsIn("sh", "arguments") & !s.Comm.StartsWith("arguments-")).Select(s => s.CgroupId).RunAsync(start, Quiet, Cancellation);

        var status = File.ReadLines("/proc/self/status").ToArray();
        var (uid, gid, cpu) = Assert.Single(ids.Result);
        Assert.Equal((Id(status, "Uid:"), Id(status, "Gid:")), (uid, gid));
        Assert.InRange(cpu, 0, Environment.ProcessorCount - 1);
        Assert.NotEqual(0UL, Assert.Single(cgroups.Result));
    }

    private static string Program => CTarget.Of("arguments.c", "arguments", ["-O1", "-g"]);

    private static uint Id(string[] status, string name) => uint.Parse(status.Single(line => line.StartsWith(name, StringComparison.Ordinal)).Split('\t')[1], CultureInfo.InvariantCulture);

    private static async Task Check<T1, T2, T3>(Func<EntryContext, (Expr<T1>, Expr<T2>, Expr<T3>)> kernel, Func<long, long, (T1, T2, T3)> model)
    {
        var start = new ProcessStartInfo(Program, Pairs.SelectMany(static pair => new[] { pair.A, pair.B, 0, 0, 0, 0 }).Select(static number => number.ToString(CultureInfo.InvariantCulture)));
        var run = await Probe.UProbe(Program, "probed").Select(kernel).RunAsync(start, Quiet, Cancellation);

        Assert.True(run.Health.IsExact, run.Health.ToString());
        Assert.Equal(Pairs.Select(pair => (pair, model(pair.A, pair.B))), Pairs.Zip(run.Result));
        Assert.Equal(Pairs.Length, run.Result.Length);
    }
}
