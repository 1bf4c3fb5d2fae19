using System.Reactive.Linq;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>A maximum or minimum observed live: each new record as it happens, and nothing else.</summary>
public sealed class ExtremumTests
{
    private static ProbeStream<int> Depths(Command command, string function = "leaf_push") =>
        Probe.UProbe(command.Start.FileName, function).Select(hit => hit.UStack.Length);

    private static void StrictlyRises(IEnumerable<int> values) => Assert.All(values.Zip(values.Skip(1)), pair => Assert.True(pair.First < pair.Second));

    [Fact]
    public async Task A_maximum_rises_strictly_to_the_models()
    {
        using var command = new Command("calls any 31 8 3000 120");
        var records = await Eventually.Done(Depths(command).Max().ObserveRun(command.Start, Command.Quiet).ToList().ToTaskOf());
        StrictlyRises(records);
        Assert.Equal(command.Report.Of("leaf_push").Max, records[^1]);
    }

    [Fact]
    public async Task A_minimum_falls_strictly_to_the_models()
    {
        using var command = new Command("calls any 32 8 3000 120");
        var records = await Eventually.Done(Depths(command, "leaf_bare").Min().ObserveRun(command.Start, Command.Quiet).ToList().ToTaskOf());
        StrictlyRises(records.Reverse());
        Assert.Equal(command.Report.Of("leaf_bare").Min, records[^1]);
    }

    [Fact]
    public async Task A_ramp_gives_each_depth_once()
    {
        using var command = new Command("ramp push 140 50");
        var records = await Eventually.Done(Depths(command).Max().ObserveRun(command.Start, Command.Quiet).ToList().ToTaskOf());
        Assert.Equal(command.Report.Of("leaf_push").Lines.Select(line => int.Min(line.Depth, Report.KernelWalkLimit)).Distinct(), records);
    }

    [Fact]
    public async Task Hits_that_set_no_record_take_no_room_in_the_ring()
    {
        // The smallest ring holds 256 records; the load has far more hits and few records.
        using var command = new Command("depth push 90 20000 ; depth push 10 20000 ; calls any 33 8 2000 100");
        var records = await Eventually.Done(
            Depths(command).Max().ObserveRun(command.Start, Command.Quiet with { RingBufferBytes = 4096, WhenFull = Overflow.Fault }).ToList().ToTaskOf());
        StrictlyRises(records);
        Assert.Equal(command.Report.Of("leaf_push").Max, records[^1]);
    }

    [Fact]
    public async Task A_record_comes_as_it_happens()
    {
        using var target = new LiveTarget();
        var last = 0;
        using var subscription = Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(hit => hit.UStack.Length).Max().Observe(Command.ByKernel).Subscribe(value => Volatile.Write(ref last, value));
        foreach (var depth in (int[])[3, 30, 60, 100])
        {
            var report = target.Do($"depth push {depth} 1");
            await Eventually.True(() => Volatile.Read(ref last) == report.Of("leaf_push").Max, "the record comes");
        }
    }
}
