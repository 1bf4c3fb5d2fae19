using StackDepth.Compile;
using StackDepth.Core.Tests.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Query;

/// <summary>Joined probes and their variables: what the queries mean, and what is refused.</summary>
public sealed class JoinedQueryTests
{
    private static readonly ProbeState<int> Entered = Probe.State<int>("entered");
    private static readonly ProbeState<long, int> Opened = Probe.State<long, int>("opened");

    private static ProbeSource<EntryContext> Enter => Probe.UProbe("app", "enter");

    private static ProbeSource<EntryContext> Leave => Probe.UProbe("app", "leave");

    [Fact]
    public void What_is_chained_behind_the_join_is_asked_at_each_probe_beside_its_own_filters()
    {
        var query = Probe.Any(Enter.Where(s => s.Pid == 1), Leave.ForProcess(5)).Where(s => s.Tid == 2).Select(s => s.UStack.Length).Query;

        Assert.Equal(
            """
            uprobe:app:enter
              filter pid != 4242 (this process)
              load pid
              where (pid == 1)
              load tid
              where (tid == 2)
              count hit
              capture ustack by kernel, at most 127 frames
              emit (ustack.length)

            """,
            Ir(query, 0));
        Assert.Equal(
            """
            uprobe:app:leave
              filter pid != 4242 (this process)
              load tid
              where (tid == 2)
              count hit
              capture ustack by kernel, at most 127 frames
              emit (ustack.length)

            """,
            Ir(query, 1));
        Assert.Equal([null, 5], query.Branches.Select(static branch => branch.Probe.ProcessId));
        Assert.All(Probe.Any(Enter, Leave.ForProcess(5)).ForProcess(7).Count().Query.Branches, static branch => Assert.Equal(7, branch.Probe.ProcessId));
    }

    [Fact]
    public void Joins_of_joins_are_one_join_and_a_probe_joined_alone_is_the_probe()
    {
        var nested = Probe.Any(Probe.Any(Enter, Leave).Where(s => s.Pid == 1), Enter).Where(s => s.Tid == 2).Count().Query;

        Assert.Equal([2, 2, 1], nested.Branches.Select(static branch => branch.Predicates.Length));
        Assert.Equal(ProbeCompiler.Compile(Enter.Count().Query, GoldenQueries.Target), ProbeCompiler.Compile(Probe.Any(Enter).Count().Query, GoldenQueries.Target));
        Assert.Equal(nested, Probe.Any(Probe.Any(Enter, Leave).Where(s => s.Pid == 1), Enter).Where(s => s.Tid == 2).Count().Query);
        Assert.NotEqual(Probe.Any(Enter, Leave).Count().Query, Probe.Any(Leave, Enter).Count().Query);
    }

    [Fact]
    public void Probes_of_different_kinds_are_joined_by_what_all_of_them_know()
    {
        var query = Probe.Any(Enter.Where(s => s.Arg(0) == 1).AsProbe(), Probe.Tracepoint("sched", "sched_switch").AsProbe(), Probe.Profile(99)).GroupBy(s => s.Function).Count().Query;

        Assert.Equal(["uprobe:app:enter", "tracepoint:sched:sched_switch", "profile:hz:99"], ProbeCompiler.Compile(query, GoldenQueries.Target).Programs.Select(static program => program.Ir.Probe.ToString()));
    }

    [Fact]
    public void A_value_that_one_probe_sets_is_the_value_that_another_reads()
    {
        var run = new CompiledRun(Probe.Any(Enter.Set(Entered, s => s.Arg(0).ToInt32()).Silent(), Leave).Select(s => (s.Tid, Entered.Value)).Query, GoldenQueries.Target);
        run.Run(Hit(tid: 1), 1);
        run.Run(Hit(tid: 1, argument: -7), 0);
        run.Run(Hit(tid: 2, argument: 8), 0);
        run.Run(Hit(tid: 2), 1);
        run.Run(Hit(tid: 1), 1);

        Assert.Equal([(2L, 8L), (1, -7)], Records(run));
        Assert.Equal((3, 1), (run.Counter(HealthCounter.Hits), run.Unset));
    }

    [Fact]
    public void What_is_written_before_an_assignment_sees_the_old_value_and_what_is_written_behind_it_the_new_one()
    {
        var source = Enter.Where(s => Entered.ValueOr(0) < 3).Add(Entered, _ => 2).Where(s => Entered.Value < 4);
        var run = new CompiledRun(source.Select(s => (s.Tid, Entered.Value)).Query, GoldenQueries.Target);
        for (var hit = 0; hit < 3; hit++)
            run.Run(Hit(tid: 1));

        Assert.Equal([(1L, 2L)], Records(run));
        Assert.Equal((1, 0), (run.Counter(HealthCounter.Hits), run.Unset));
    }

    [Fact]
    public void A_cleared_value_is_not_set_and_addition_begins_with_0_again()
    {
        var run = new CompiledRun(
            Probe.Any(Enter.Add(Entered, _ => 5), Leave.Clear(Entered), Probe.UProbe("app", "look")).Select(s => (Entered.IsSet, Entered.ValueOr(-1))).Query, GoldenQueries.Target);
        foreach (var probe in (int[])[2, 0, 0, 2, 1, 2, 0])
            run.Run(Hit(tid: 1), probe);

        Assert.Equal([(0L, -1L), (1, 5), (1, 10), (1, 10), (0, -1), (0, -1), (1, 5)], Records(run));
    }

    [Fact]
    public void Values_by_key_are_those_of_all_threads_and_a_table_that_is_full_counts_what_it_loses()
    {
        var run = new CompiledRun(
            Probe.Any(Enter.Add(s => Opened[s.Arg(0)], _ => 1).Silent(), Leave).Select(s => (s.Arg(0), Opened[s.Arg(0)].ValueOr(0))).Query, GoldenQueries.Target with { MaxKeys = 2 });
        foreach (var key in (long[])[10, 11, 10, 12])
            run.Run(Hit(tid: (int)key, argument: key), 0);
        foreach (var key in (long[])[10, 11, 12])
            run.Run(Hit(tid: 1, argument: key), 1);

        Assert.Equal([(10L, 2L), (11, 1), (12, 0)], Records(run));
        Assert.Equal((1, 3), (run.Counter(HealthCounter.KeysLost), run.Counter(HealthCounter.Hits)));
    }

    [Fact]
    public void A_thread_that_finds_no_memory_for_its_value_is_counted()
    {
        var run = new CompiledRun(Enter.Set(Entered, s => s.Tid).Select(s => (s.Tid, Entered.ValueOr(-1))).Query, GoldenQueries.Target);
        run.Machine["@entered"].MostTasks = 1;
        run.Run(Hit(tid: 1));
        run.Run(Hit(tid: 2));

        Assert.Equal([(1L, 1L), (2, -1)], Records(run));
        Assert.Equal(1, run.Counter(HealthCounter.KeysLost));
    }

    [Fact]
    public void Programs_share_their_maps_but_for_the_memory_that_they_work_in()
    {
        var compiled = ProbeCompiler.Compile(Probe.Any(Enter.Set(Entered, s => s.UStack.Length).Silent(), Leave).Select(s => s.KStack.Length + Entered.Value).Max().Query, GoldenQueries.Target);

        Assert.Equal(["results", "scratch", "@entered", "scratch2", "unset"], compiled.Maps.Select(static map => map.Name));
        Assert.Equal(compiled.Results.Size, compiled.Maps[0].ValueSize);
    }

    [Fact]
    public void Numbers_of_functions_are_the_same_in_all_programs()
    {
        var compiled = ProbeCompiler.Compile(
            Probe.Any(Enter.Where(s => s.UStack.CountOf("b") > 0), Leave.Where(s => s.UStack.CountOf("a") > 0)).Select(s => s.UStack.CountOf("a")).Max().Query, GoldenQueries.Walking(StackWalk.Auto));

        Assert.Equal(["b", "a"], compiled.Counted.Select(static functions => functions.Names[0]));
    }

    [Fact]
    public void Misuse_is_refused_with_what_to_write_instead()
    {
        Refuse("Probe.Any needs a probe", static () => Probe.Any<EntryContext>());
        Refuse("No probe of the query sets the variable \"entered\"", static () => Compile(Probe.Any(Enter, Leave).Select(s => Entered.Value).Query));
        Refuse("No probe of the query sets the variable \"entered\"", static () => Compile(Enter.Clear(Entered).Where(s => Entered.IsSet).Count().Query));
        Refuse("two variables that are called \"entered\"", static () => Compile(Enter.Set(Entered, _ => 1).Set(Probe.State<long>("entered"), _ => 1).Count().Query));
        Refuse("two variables that are called \"entered\"", static () => Compile(Probe.Any(Enter.Set(Entered, _ => 1), Leave.Set(s => Probe.State<long, int>("entered")[s.Arg(0)], _ => 1)).Count().Query));
        Refuse("is silent and changes no variable", static () => Compile(Probe.Any(Enter.Where(s => s.Pid == 1).Silent(), Leave).Count().Query));
        Refuse("All probes of the query are silent", static () => Compile(Enter.Set(Entered, _ => 1).Silent().Count().Query));
        Refuse("All probes of the query are silent", static () => Compile(Probe.Any(Enter, Leave).Set(Entered, _ => 1).Silent().Count().Query));
        Refuse("cannot be the name of a variable", static () => Probe.State<int>("a b"));
        Refuse("cannot be the name of a variable", static () => Probe.State<int>("1st"));
        Refuse("cannot keep texts", static () => Probe.State<string>("name"));
        Refuse("cannot have values of type Double", static () => Probe.State<double>("ratio"));
        Refuse("cannot have keys of type DateTime", static () => Probe.State<DateTime, int>("when"));
        Refuse("The text \"a\" is the same at every hit: as a key of the variable \"by\"", static () => Compile(Enter.Set(_ => Probe.State<string, int>("by")["a"], _ => 1).Count().Query));
        Refuse("Recursion is counted at the entries of user-space functions, and profile:hz:99", static () => Compile(Probe.Any(Enter.AsProbe(), Probe.Profile(99)).Select(s => s.Recursion).Query));
        Refuse("Python frames are had at user-space probes only, and profile:hz:99", static () => Compile(Probe.Any(Enter.AsProbe(), Probe.Profile(99)).Select(s => s.Python.Length).Query));
        Refuse("same probe with the same filters", static () => Probe.Any(Enter, Leave).Count().And(Enter.MaxBy(s => s.UStack.Length)));
        Refuse("ForProcess(7) and a command exclude each other", static () => Probe.Any(Enter, Leave.ForProcess(7)).Count().Query.Branches.Select(static branch => QueryPlanner.Scope(branch, hasCommand: true)).ToArray());
    }

    [Fact]
    public void Variables_of_threads_need_the_kernels_types()
    {
        var kernel = new KernelProfile { Release = new(6, 1) };
        var refused = Assert.Throws<ProbeUnavailableException>(() => QueryPlanner.Compile(Enter.Set(Entered, _ => 1).Count().Query, GoldenQueries.Target, kernel));

        Assert.Contains("Probe.State<int, T>", refused.Remedy, StringComparison.Ordinal);
        Assert.NotEmpty(QueryPlanner.Compile(Enter.Set(s => Opened[s.Arg(0)], _ => 1).Count().Query, GoldenQueries.Target, kernel).Program.Instructions);
    }

    private static void Refuse(string message, Func<object> write) => Assert.Contains(message, Assert.Throws<ProbeQueryException>(write).Message, StringComparison.Ordinal);

    private static CompiledQuery Compile(IrQuery query) => ProbeCompiler.Compile(query, GoldenQueries.Target);

    private static string Ir(IrQuery query, int probe) => IrPrinter.Print(Compile(query).Programs[probe].Ir);

    private static Hit Hit(int tid, long argument = 0) => new() { Tid = tid, Arguments = [argument, 0, 0, 0, 0, 0] };

    private static IEnumerable<(long, long)> Records(CompiledRun run) => run.Machine.Ring!.Records.Select(static record => (BitConverter.ToInt64(record.Bytes), BitConverter.ToInt64(record.Bytes, 8)));
}
