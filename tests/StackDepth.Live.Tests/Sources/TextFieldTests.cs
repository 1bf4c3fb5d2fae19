using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Sources;

/// <summary>Texts that probes have by name, wherever they lie.</summary>
[Collection(nameof(KernelSide))]
public sealed class TextFieldTests(TracefsMount tracefs) : IClassFixture<TracefsMount>
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A shell which starts two programs, one of them by a long name.</summary>
    private static ProcessStartInfo Shell => new("/bin/sh", ["-c", "/bin/cat /etc/hostname; /usr/bin/../bin/../bin/true; :"]);

    [Fact]
    public async Task An_array_of_characters_in_the_record()
    {
        Assert.NotNull(tracefs);
        Requires.Bpf();
        var run = await Probe.Tracepoint("sched", "sched_switch").Select(static s => (s.Field<string>("prev_comm"), s.Comm)).RunAsync(new ProcessStartInfo("sleep", ["0.05"]), Quiet, Cancellation);
        Assert.NotEmpty(run.Result);
        Assert.All(run.Result, static pair => Assert.Equal("sleep", pair.Item1));
        Assert.All(run.Result, static pair => Assert.Equal(pair.Item2, pair.Item1));
    }

    [Fact]
    public async Task Data_of_variable_length_behind_the_record()
    {
        Requires.Bpf();
        var run = await Probe.Tracepoint("sched", "sched_process_exec").Select(static s => (s.Field<string>("filename"), s.FieldString("filename", 9))).RunAsync(Shell, Quiet, Cancellation);
        Assert.Equal([("/bin/cat", "/bin/cat"), ("/usr/bin/../bin/../bin/true", "/usr/bin/…")], run.Result.Where(static exec => exec.Item1 != "/bin/sh"));
    }

    [Fact]
    public async Task What_an_argument_of_a_system_call_points_to()
    {
        Requires.Bpf();
        var opened = Probe.Tracepoint("syscalls", "sys_enter_openat");
        var one = await opened.Where(static s => s.Field<string>("filename") == "/etc/hostname").GroupBy(static s => (s.Comm, s.Field<string>("filename"))).Count().RunAsync(Shell, Quiet, Cancellation);
        Assert.Equal([KeyValuePair.Create(("cat", "/etc/hostname"), 1L)], one.Result);
        // The same name as a number is where the text lies.
        var both = await opened.Where(static s => s.Field<string>("filename").StartsWith("/etc/host")).Select(static s => (s.Field<ulong>("filename") != 0, s.FieldString("filename", 9))).RunAsync(Shell, Quiet, Cancellation);
        Assert.Equal([(true, "/etc/host…")], both.Result);
    }

    [Fact]
    public async Task Members_of_what_the_kernel_points_to()
    {
        Requires.Bpf();
        Requires.That(File.Exists(Native.Btf.VmlinuxBtf.DefaultPath), "the description of the kernel's types");
        var array = await Probe.RawTracepoint("sched_switch").Where(static s => s.Field<int>("prev.pid") == s.Tid).Select(static s => (s.Field<string>("prev.comm"), s.Comm)).RunAsync(new ProcessStartInfo("sleep", ["0.05"]), Quiet, Cancellation);
        Assert.NotEmpty(array.Result);
        Assert.All(array.Result, static pair => Assert.Equal(("sleep", "sleep"), pair));
        var pointer = await Probe.RawTracepoint("sched_process_exec").Select(static s => s.Field<string>("bprm.filename")).RunAsync(Shell, Quiet, Cancellation);
        Assert.Equal(["/bin/cat", "/usr/bin/../bin/../bin/true"], pointer.Result.Where(static name => name != "/bin/sh"));
    }

    [Fact]
    public async Task What_an_argument_of_a_usdt_probe_points_to()
    {
        var program = UsdtTests.Program("-O2", hasSemaphores: false);
        using var printed = new PrintedLines();
        var run = await Probe.Usdt(program, "demo", "named").Select(static s => (s.Arg(0), s.ArgString(1), s.ArgString(1, 3))).RunAsync(new(program, [printed.Path, "0"]), Quiet, Cancellation);
        Assert.Equal([(0, "", ""), (1, "one", "one"), (2, "two names", "two…")], run.Result);
        // A null pointer is counted, and in no result.
        Assert.Equal((1, 4), (run.Health.ReadErrors, run.Health.Hits));
    }

    [Fact]
    public void Misuse_says_what_to_write()
    {
        var switches = Probe.Tracepoint("sched", "sched_switch");
        Assert.Contains("Did you mean 'prev_comm'", Refused(switches.Select(static s => s.Field<string>("prev_com"))), StringComparison.Ordinal);
        Assert.Contains("prev_pid is pid_t, and no text. Write Field<long>(\"prev_pid\")", Refused(switches.Select(static s => s.Field<string>("prev_pid"))), StringComparison.Ordinal);
        Assert.Contains("Write Field<string>(\"prev_comm\")", Refused(switches.Select(static s => s.Field<int>("prev_comm"))), StringComparison.Ordinal);
        Assert.Contains("FieldString(\"prev_comm\", 200)", Assert.Throws<ProbeQueryException>(() => switches.Select(static s => s.FieldString("prev_comm", 200))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => switches.Select(static s => s.FieldString("prev_comm", 0)));
        Requires.That(File.Exists(Native.Btf.VmlinuxBtf.DefaultPath), "the description of the kernel's types");
        var raw = Probe.RawTracepoint("sched_switch");
        Assert.Contains("and no text. Write Field<long>(\"prev.pid\")", Refused(raw.Select(static s => s.Field<string>("prev.pid"))), StringComparison.Ordinal);
        Assert.Contains("prev.comm is a text (char[16]), and no number. Write Field<string>(\"prev.comm\")", Refused(raw.Select(static s => s.Field<int>("prev.comm"))), StringComparison.Ordinal);
        Assert.Contains("Name a member of it, such as \"prev.se.load\"", Refused(raw.Select(static s => s.Field<string>("prev.se"))), StringComparison.Ordinal);
    }

    private static string Refused<T>(ProbeStream<T> stream) => Assert.Throws<ProbeQueryException>(() => stream.Explain()).Message;
}
