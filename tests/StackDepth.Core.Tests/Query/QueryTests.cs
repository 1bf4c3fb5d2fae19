using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Query;

/// <summary>What the fluent API refuses, when, and in which words.</summary>
public sealed class QueryTests
{
    private static readonly ProbeSource<EntryContext> Source = GoldenQueries.Source;

    [Fact]
    public void A_comm_of_15_bytes_can_be_compared_and_one_of_16_is_refused_with_a_remedy()
    {
        Compile(Source.Where(s => s.Comm == "123456789012345").Count().Query);
        Compile(Source.Where(s => s.Comm == "").Count().Query);

        Assert.Equal(
            "\"1234567890123456\" has 16 bytes and can never equal a comm: the kernel cuts names to 15 bytes. Compare with the first 15 bytes.",
            Refused(Source.Where(s => s.Comm == "1234567890123456").Count().Query));
        Assert.StartsWith("\"ööööööööö\" has 18 bytes", Refused(Source.Where(s => s.Comm != "ööööööööö").Count().Query), StringComparison.Ordinal);
    }

    [Fact]
    public void A_comm_with_a_NUL_inside_is_refused() =>
        Assert.Equal("A comm ends at its first NUL: a text with one inside can never equal it.", Refused(Source.Where(s => s.Comm == "a\0b").Count().Query));

    [Fact]
    public void Functions_cannot_be_compared() =>
        Assert.Equal(
            "A function cannot be compared in the kernel: name the functions in the probe instead, or group by the function.",
            Refused(Source.Where(s => s.Function == s.Function).Count().Query));

    [Fact]
    public void Texts_are_compared_only_as_comm_with_a_constant()
    {
        const string Message = "A text can be compared only with a constant: s.Comm == \"python3\".";

        Assert.Equal(Message, Refused(Source.Where(s => s.Comm == s.Comm).Count().Query));
        Assert.Equal(Message, Refused(Source.Where(s => (Expr<string>)"a" == "a").Count().Query));
    }

    [Fact]
    public void A_constant_text_is_no_key_no_value_and_no_field()
    {
        static string Message(string role) => $"The text \"x\" is the same at every hit: as {role} it says nothing. Select a value of the context.";

        Assert.Equal(Message("a key"), Refused(Source.GroupBy(s => (Expr<string>)"x").Count().Query));
        Assert.Equal(Message("a value"), Refused(Source.Select(s => (Expr<string>)"x").Count().Query));
        Assert.Equal(Message("a value"), Refused(Source.Select(s => (s.Pid, (Expr<string>)"x")).Count().Query));
        Assert.Equal(Message("a field"), Refused(Source.Select(s => (s.Pid, (Expr<string>)"x")).Query));
    }

    [Fact]
    public void What_is_refused_is_found_however_deep_it_is()
    {
        var refused = Source.Where(s => s.Pid == 1 | !(s.Tid == 2 & s.Comm == "1234567890123456"));

        Assert.Contains("16 bytes", Refused(refused.Count().Query), StringComparison.Ordinal);
        Assert.Contains("16 bytes", Refused(Source.Select(s => (s.Pid, s.Pid == 1 & s.Comm == "1234567890123456")).Query), StringComparison.Ordinal);
        Assert.Contains("16 bytes", Refused(Source.GroupBy(s => s.Comm == "1234567890123456").Count().Query), StringComparison.Ordinal);
    }

    [Fact]
    public void An_expression_that_came_from_nowhere_says_so()
    {
        Action[] uses =
        [
            () => Source.Where(s => default),
            () => Source.Select(s => default(Expr<int>)),
            () => Source.Select(s => (s.Pid, default(Expr<int>))),
            () => Source.GroupBy(s => default(Expr<int>)),
            () => Source.GroupBy(s => s.Pid).Max(s => default(Expr<int>)),
            () => Source.Where(s => s.Pid == default(Expr<int>)),
            () => Source.Where(s => s.Pid > default(Expr<int>)),
            () => Source.Where(s => !default(Expr<bool>)),
        ];

        Assert.All(uses, static use => Assert.StartsWith("This expression is default(Expr<T>)", Assert.Throws<InvalidOperationException>(use).Message, StringComparison.Ordinal));
        Assert.Equal("default", default(Expr<int>).ToString());
        Assert.Equal(default, default(Expr<int>));
    }

    [Fact]
    public void Null_is_refused_where_it_comes_in()
    {
        Assert.Throws<ArgumentNullException>("binary", () => Probe.UProbe(null!, "f"));
        Assert.Throws<ArgumentNullException>("symbols", () => Probe.UProbe("b", null!));
        Assert.Throws<ArgumentException>("binary", () => Probe.UProbe(" ", "f"));
        Assert.Throws<ArgumentException>("symbols", () => Probe.UProbe("b", ""));
        Assert.Throws<ArgumentNullException>("predicate", () => Source.Where(null!));
        Assert.Throws<ArgumentNullException>("selector", () => Source.Select((Func<EntryContext, Expr<int>>)null!));
        Assert.Throws<ArgumentNullException>("selector", () => Source.Select((Func<EntryContext, (Expr<int>, Expr<int>)>)null!));
        Assert.Throws<ArgumentNullException>("selector", () => Source.Select((Func<EntryContext, (Expr<int>, Expr<int>, Expr<int>)>)null!));
        Assert.Throws<ArgumentNullException>("key", () => Source.GroupBy((Func<EntryContext, Expr<int>>)null!));
        Assert.Throws<ArgumentNullException>("selector", () => Source.GroupBy(s => s.Pid).Sum((Func<EntryContext, Expr<int>>)null!));
        Assert.Throws<ArgumentNullException>("command", () => Source.Select(s => s.Pid).ObserveRun(null!));
        Assert.StartsWith("A query cannot compare with null", Assert.Throws<ArgumentNullException>(() => Source.Where(s => s.Comm == (string)null!)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Null_commands_are_refused_before_anything_is_attached()
    {
        await Assert.ThrowsAsync<ArgumentNullException>("command", () => Source.Count().RunAsync(null!, cancellationToken: TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ArgumentNullException>("command", () => Source.Count().StartAsync(null!, cancellationToken: TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ArgumentNullException>("command", () => Source.Select(s => s.Pid).RunAsync(null!, cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_constant_of_a_type_that_the_kernel_does_not_have_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => (Expr<double>)1.5);

        Assert.StartsWith("A constant of type Double has no counterpart in the kernel: use int, long, uint, ulong, bool, string, Completeness or StackReason.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stack_is_walked_by_walks_that_there_are_and_the_kernels_by_the_kernel()
    {
        Assert.Equal("KStack.By(Unwind): kernel stacks are walked by the kernel only. Leave By away.", Assert.Throws<ProbeQueryException>(() => Source.Select(s => s.KStack.By(StackWalk.Unwind).Length)).Message);
        Assert.Throws<ArgumentOutOfRangeException>("walk", () => Source.Select(s => s.UStack.By((StackWalk)9).Length));
        Assert.Throws<ArgumentOutOfRangeException>("value", () => Source.Where(s => s.UStack.Completeness == (Completeness)4));
        Assert.Throws<ArgumentOutOfRangeException>("value", () => Source.Where(s => s.UStack.Reason == (StackReason)(-1)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_process_id_is_positive(int pid) => Assert.Throws<ArgumentOutOfRangeException>(nameof(pid), () => Source.ForProcess(pid));

    [Fact]
    public void Snapshots_need_a_period() => Assert.Throws<ArgumentOutOfRangeException>("period", () => Source.Count().Observe(TimeSpan.Zero));

    [Fact]
    public void The_scope_follows_from_the_query_and_the_command()
    {
        var own = new ProcessScope.AllBut(Environment.ProcessId);

        Assert.Equal(own, QueryPlanner.Scope(Source.Count().Query, hasCommand: false));
        Assert.Equal(new ProcessScope.Followed(), QueryPlanner.Scope(Source.Count().Query, hasCommand: true));
        Assert.Equal(new ProcessScope.Linked(12), QueryPlanner.Scope(Source.ForProcess(12).Count().Query, hasCommand: false));
        Assert.StartsWith(
            "ForProcess(12) and a command exclude each other",
            Assert.Throws<ProbeQueryException>(() => QueryPlanner.Scope(Source.ForProcess(12).Count().Query, hasCommand: true)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name()
    {
        Assert.Throws<ArgumentOutOfRangeException>("options.MaxKeys", () => Plan(new() { MaxKeys = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("options.MaxFunctions", () => Plan(new() { MaxFunctions = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>("options.RingBufferBytes", () => Plan(new() { RingBufferBytes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("options.RingBufferBytes", () => Plan(new() { RingBufferBytes = (1 << 30) + 1 }));
        Assert.Throws<ArgumentOutOfRangeException>("options.MaxFrames", () => Plan(new() { MaxFrames = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("options.MaxFrames", () => Plan(new() { MaxFrames = (1 << 23) + 1 }));
        Assert.Throws<ArgumentOutOfRangeException>("options.Walk", () => Plan(new() { Walk = (StackWalk)99 }));
    }

    [Fact]
    public void The_ring_is_a_power_of_two_of_at_least_a_page()
    {
        Assert.Equal(Environment.SystemPageSize, Plan(new() { RingBufferBytes = 1 }).RingBytes);
        Assert.Equal(1 << 17, Plan(new() { RingBufferBytes = (1 << 16) + 1 }).RingBytes);
        Assert.Equal(1 << 30, Plan(new() { RingBufferBytes = 1 << 30 }).RingBytes);
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(127, 127)]
    [InlineData(1_000, 127)]
    public void The_kernel_walk_stores_as_many_frames_as_the_kernel_allows_and_127_at_most(int kernel, int expected) =>
        Assert.Equal(expected, QueryPlanner.Target(new ProcessScope.Followed(), new(), new() { Release = new(6, 1), MaxStackFrames = kernel }).MaxStackFrames);

    [Theory]
    [InlineData("5.15", true)]
    [InlineData("6.0.9", true)]
    [InlineData("6.1", false)]
    [InlineData("6.18.3", false)]
    public void Groups_are_allocated_up_front_on_kernels_before_6_1(string release, bool preallocate) =>
        Assert.Equal(preallocate, QueryPlanner.Target(new ProcessScope.Followed(), new(), new() { Release = Version.Parse(release) }).PreallocateGroups);

    [Theory]
    [InlineData(false, "(this process)")]
    [InlineData(true, "filter pid in followed")]
    public void Explain_shows_the_program_for_all_processes_or_for_a_command(bool command, string step) =>
        Assert.Contains(step, Probe.UProbe("libc.so.6", "getppid").Count().Explain(new(Command: command)).Ir, StringComparison.Ordinal);

    [Theory]
    [InlineData("6.11.9", false)]
    [InlineData("6.12", true)]
    public void The_link_tells_processes_apart_where_the_kernel_compares_processes(string release, bool linked)
    {
        var target = QueryPlanner.Target(new ProcessScope.Linked(7), new(), new() { Release = Version.Parse(release) });
        Assert.Equal(linked ? new ProcessScope.Linked(7) : new ProcessScope.One(7), target.Scope);
    }

    [Fact]
    public void A_program_that_needs_more_stack_than_it_has_is_refused()
    {
        var context = new LoweringContext(GoldenQueries.Target) { Probe = new IrUserProbe("b", "s") };

        Assert.Contains("512 bytes of stack", Assert.Throws<ProbeQueryException>(() => Enumerable.Range(0, 65).Sum(_ => context.Allocate(8))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_expression_of_more_operations_than_can_be_sensible_is_refused_before_it_is_looked_at()
    {
        var source = Source.Select(s =>
        {
            var number = s.Arg(0);
            for (var count = 0; count < 60; count++)
                number += number;
            return number;
        });

        Assert.StartsWith("The query has more than 10,000 operations", Refused(source.Query), StringComparison.Ordinal);
    }

    [Fact]
    public void Expressions_print_as_they_are_written()
    {
        Assert.Equal("((arg0 + 1) * -arg1)", Print(s => (s.Arg(0) + 1) * -s.Arg(1)));
        Assert.Equal("(1000 / ~(uid >> 3))", Print(s => 1000 / ~(s.Uid >> 3)));
        Assert.Equal("((cgroup & 18446744073709551615) ^ (cgroup | (cgroup << pid)))", Print(s => (s.CgroupId & ulong.MaxValue) ^ (s.CgroupId | (s.CgroupId << s.Pid))));
        Assert.Equal("((pid > 5) ? min(cpu, 3) : abs((tid - (tid % 2))))", Print(s => Expr.If(s.Pid > 5, Expr.Min(s.Cpu, 3), Expr.Abs(s.Tid - s.Tid % 2))));
        Assert.Equal("uint64(int32(max(arg2, timestamp)))", Print(s => Expr.Max(s.Arg(2), s.Timestamp).ToInt32().ToUInt64()));
        Assert.Equal("(uint32(pid) + int64(gid))", Print(s => s.Pid.ToUInt32().ToInt64() + s.Gid.ToInt64()).Replace("int64(uint32(pid))", "uint32(pid)", StringComparison.Ordinal));
        Assert.Equal("((pid in [1, 2]) & ((comm == \"a\") | (comm == \"b\")))", Print(s => s.Pid.IsIn(1, 2, 1) & s.Comm.IsIn("a", "b")));
        Assert.Equal("(!comm.starts_with(\"py\") | (pid in []))", Print(s => !s.Comm.StartsWith("py") | s.Pid.IsIn()));
        Assert.Equal("(ustack.completeness in [Truncated, Broken])", Print(s => s.UStack.Completeness.IsIn(Completeness.Truncated, Completeness.Broken)));
        Assert.Equal("((arg5 > 0) ? true : false)", Print(s => Expr.If(s.Arg(5) > 0, true, false)));

        static string Print<T>(Func<EntryContext, Expr<T>> expression)
        {
            string? text = null;
            Source.Select(s =>
            {
                var value = expression(s);
                text = value.ToString();
                return value;
            });
            return text!;
        }
    }

    [Fact]
    public void What_cannot_be_computed_is_refused_with_what_to_write_instead()
    {
        Assert.StartsWith("Expr.If chooses between numbers", Refused(Source.GroupBy(s => Expr.If(s.Pid == 1, s.Comm, "other")).Count().Query), StringComparison.Ordinal);
        Assert.Equal("Aggregates keep signed numbers of 64 bits: of an unsigned one write ToInt64(), or group by it.", Refused(Source.Select(s => s.CgroupId).Max().Query));
        Compile(Source.Select(s => s.CgroupId.ToInt64()).Max().Query);
        Compile(Source.GroupBy(s => s.CgroupId).Max(s => s.Uid).Query);
        Assert.Contains("no comm can begin so", Refused(Source.Where(s => s.Comm.StartsWith("1234567890123456")).Count().Query), StringComparison.Ordinal);
        Assert.Contains("first NUL", Refused(Source.Where(s => s.Comm.StartsWith("a\0")).Count().Query), StringComparison.Ordinal);
        Assert.Contains("can never equal a comm", Refused(Source.Where(s => s.Comm.IsIn("sh", "1234567890123456")).Count().Query), StringComparison.Ordinal);
        Assert.Equal("Arg(6): only the first 6 integer arguments come in registers, Arg(0) to Arg(5); the others lie on the stack.", Assert.Throws<ProbeQueryException>(() => Source.Select(s => s.Arg(6))).Message);
        Assert.Throws<ArgumentOutOfRangeException>("index", () => Source.Select(s => s.Arg(-1)));
        Assert.Throws<ArgumentNullException>("prefix", () => Source.Where(s => s.Comm.StartsWith(null!)));
        Assert.StartsWith("Arguments are where the caller left them at a function's entry only, and \"f+4\"", Refused(Probe.UProbe("b", "f+4").Select(s => s.Arg(0)).Query), StringComparison.Ordinal);
    }

    /// <summary>The compiler says so itself: this project would not build with a use of it that is not suppressed.</summary>
    [Fact]
    public void An_expression_is_no_condition_of_CSharp()
    {
        var isTrue = typeof(Expr).GetMethods().Single(static method => method.Name == "op_True");
        var obsolete = Assert.Single(isTrue.GetCustomAttributes(typeof(ObsoleteAttribute), inherit: false).Cast<ObsoleteAttribute>());

        Assert.Equal(("SD0001", true), (obsolete.DiagnosticId, obsolete.IsError));
        Assert.Contains("Expr.If", obsolete.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Describing_opens_no_file_and_needs_no_such_binary()
    {
        var query = Probe.UProbe("/nowhere/at-all", "f").Select(s => s.UStack.Length).Max();

        Assert.NotEmpty(Compile(query.Query).Program.Instructions);
        Assert.Equal("((pid > 3) & !(comm == \"x\"))", Text(s => s.Pid > 3 & !(s.Comm == "x")));
        Assert.Equal("((pid > 3) & (tid <= 4))", Text(s => s.Pid > 3 && s.Tid <= 4));
    }

    private static string Text(Func<EntryContext, Expr<bool>> condition) => IrPrinter.Print(Source.Where(condition).Count().Query.Predicates[0]);

    [Theory]
    [InlineData("5.16", true, ": this is 5.16.")]
    [InlineData("6.18", false, ": this is 6.18, without the type information.")]
    public void The_walk_by_rows_is_refused_where_the_kernel_cannot_run_it_and_the_remedy_is_named(string release, bool hasBtf, string end)
    {
        var kernel = new KernelProfile { Release = Version.Parse(release), HasBtf = hasBtf };
        var target = QueryPlanner.Target(new ProcessScope.Followed(), new(), kernel);

        var refused = Assert.Throws<ProbeUnavailableException>(() => QueryPlanner.Compile(Source.Select(s => s.UStack.By(StackWalk.Unwind).Length).Query, target, kernel));
        Assert.StartsWith("The walk Unwind needs Linux 5.17 (bpf_loop, bpf_find_vma) with type information", refused.Message, StringComparison.Ordinal);
        Assert.Contains(end[2..], refused.Message, StringComparison.Ordinal);
        Assert.StartsWith("Leave the walk to StackWalk.Auto", refused.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StackWalk.Auto)]
    [InlineData(StackWalk.FramePointer)]
    public void Where_the_kernel_has_no_loops_frame_pointers_are_followed_by_a_bounded_one(StackWalk walk)
    {
        var kernel = new KernelProfile { Release = new(5, 12), HasBtf = true };
        var compiled = QueryPlanner.Compile(Source.Select(s => s.UStack.Length).Query, QueryPlanner.Target(new ProcessScope.Followed(), new() { Walk = walk }, kernel), kernel);

        Assert.Equal(1024, Assert.Single(compiled.Ir.Statements.OfType<Capture>()).MaxFrames);
        Assert.False(compiled.NeedsTables);
        Assert.Single(compiled.Program.Functions);
    }

    [Fact]
    public void Our_own_walks_are_for_one_architecture_and_the_default_is_the_kernels_elsewhere()
    {
        var kernel = new KernelProfile { Release = new(6, 18), HasBtf = true, Architecture = System.Runtime.InteropServices.Architecture.Arm64 };
        var target = QueryPlanner.Target(new ProcessScope.Followed(), new(), kernel);

        Assert.Equal(StackWalk.Kernel, target.Walk);
        var refused = Assert.Throws<ProbeUnavailableException>(() => QueryPlanner.Compile(Source.Select(s => s.UStack.By(StackWalk.Unwind).Length).Query, target, kernel));
        Assert.StartsWith("The walk Unwind is for x86-64; this is Arm64.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kernels_walk_needs_nothing_of_the_kernels_types()
    {
        var kernel = new KernelProfile { Release = new(5, 12), HasBtf = false };
        var target = QueryPlanner.Target(new ProcessScope.Followed(), new() { Walk = StackWalk.Kernel }, kernel);

        Assert.False(QueryPlanner.Compile(Source.Select(s => s.UStack.Length).Query, target, kernel).NeedsTables);
    }

    [Fact]
    public void What_takes_newer_atomics_is_refused_before_it_is_loaded()
    {
        var kernel = new KernelProfile { Release = new(5, 10), HasBtf = true };
        var target = QueryPlanner.Target(new ProcessScope.All(), new() { Walk = StackWalk.Kernel }, kernel);

        Assert.NotNull(QueryPlanner.Compile(Source.Where(s => s.Comm == "a").Count().Query, target, kernel));
        var refused = Assert.Throws<ProbeUnavailableException>(() => QueryPlanner.Compile(Source.Select(s => s.UStack.Length).Max().Query, target, kernel));
        Assert.Equal("The query needs Linux 5.12 (atomic operations of BPF that answer the old value); this is 5.10.", refused.Message);
    }

    private static CompileTarget Plan(AttachOptions options) => QueryPlanner.Target(new ProcessScope.Followed(), options, new KernelProfile { Release = new(6, 18) });

    private static CompiledQuery Compile(IrQuery query) => ProbeCompiler.Compile(query, GoldenQueries.Target);

    private static string Refused(IrQuery query) => Assert.Throws<ProbeQueryException>(() => Compile(query)).Message;
}
