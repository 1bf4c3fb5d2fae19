using System.Runtime.CompilerServices;
using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Misuse;

/// <summary>Queries that compile and mean nothing, each with the whole message that says what to write instead, before anything runs.</summary>
public sealed class RefusedQueryTests
{
    private static readonly ProbeState<int> Variable = Probe.State<int>("v");

    private static readonly Refused[] s_all =
    [
        Of(
            s => s.Select(c => c.Arg(6)).Max().Query,
            "Arg(6): only the first 6 integer arguments come in registers, Arg(0) to Arg(5); the others lie on the stack."),
        Of(
            s => s.Where(c => c.ArgString(0, 500) == "x").Count().Query,
            "ArgString(0, 500): a BPF program's stack of 512 bytes has room for texts of at most 128 bytes. Take the first 128."),
        Of(
            _ => Probe.UProbe("app", "f+4").Select(c => c.Arg(0)).Max().Query,
            "Arguments are where the caller left them at a function's entry only, and \"f+4\" names an instruction within one. Probe the function."),
        Of(
            _ => Probe.UProbe("app", "f+4").Select(c => c.Recursion).Max().Query,
            "Recursion is counted by the stack pointers at a function's entry, and \"f+4\" names an instruction within one. Probe the function, or select UStack.Length."),
        Of(
            _ => Probe.URetProbe("app", "f").Select(c => c.Recursion).Max().Query,
            "Recursion is counted by the stack pointers at a function's entries, and this is a probe of its returns. Use Probe.UProbe."),
        Of(
            _ => Probe.URetProbe("app", "f+4").Count().Query,
            "A function returns as a whole, and \"f+4\" names an instruction. Name the function, without an offset."),
        Of(
            _ => Probe.Profile(99).Select(c => c.Recursion).Max().Query,
            "Recursion is counted at the entries of user-space functions, and profile:hz:99 is none. Use Probe.UProbe, or select UStack.Length or KStack.Length."),
        Of(
            _ => Probe.Tracepoint("sched", "sched_switch").Select(c => c.Python.Length).Max().Query,
            "Stack bytes and Python frames are had at user-space probes only, and tracepoint:sched:sched_switch is none. Use Probe.UProbe, or select UStack.Length."),
        Of(
            s => s.Select(c => c.KStack.Bytes).Max().Query,
            "KStack.Bytes: only user stacks have their bytes counted. A kernel stack has a fixed size, of which a probe in user space sees the start only. Use UStack.Bytes."),
        Of(
            s => s.Select(c => c.KStack.CountOf("f")).Max().Query,
            "KStack.CountOf: frames are counted by function in user stacks only."),
        Of(
            s => s.Select(c => c.KStack.By(StackWalk.Unwind).Length).Max().Query,
            "KStack.By(Unwind): kernel stacks are walked by the kernel only. Leave By away."),
        Of(
            s => s.Select(c => c.UStack.CountOf()).Max().Query,
            "CountOf needs the name of a function, or several."),
        Of(
            s => s.Where(c => c.Comm == "a name that is too long").Count().Query,
            "\"a name that is too long\" has 23 bytes and can never equal a comm: the kernel cuts names to 15 bytes. Compare with the first 15 bytes."),
        Of(
            s => s.Where(c => c.ArgString(0, 4) == "longer").Count().Query,
            "\"longer\" has 6 bytes, and str(arg0, 4) takes 4 of a text: it can never equal it. Raise maxBytes, or compare with fewer bytes."),
        Of(
            s => s.Where(c => c.Comm == c.ArgString(0)).Count().Query,
            "A text can be compared only with a constant: s.Comm == \"python3\"."),
        Of(
            s => s.Where(c => c.UStack.Frames == c.KStack.Frames).Count().Query,
            "A stack cannot be compared in the kernel: group by it, or ask for its Length or CountOf."),
        Of(
            s => s.Where(c => c.Function == c.Function).Count().Query,
            "A function cannot be compared in the kernel: name the functions in the probe instead, or group by the function."),
        Of(
            s => s.Select(c => Expr.If(c.Pid == 1, c.Comm, "other")).Query,
            "Expr.If chooses between numbers, truth values, Completeness and StackReason only: select the text, the function or the stack beside the condition, as a field of its own."),
        Of(
            s => s.GroupBy(_ => (Expr<string>)"all").Count().Query,
            "The text \"all\" is the same at every hit: as a key it says nothing. Select a value of the context."),
        Of(
            s => s.Select(c => c.Arg(0).ToUInt64()).Max().Query,
            "Aggregates keep signed numbers of 64 bits: of an unsigned one write ToInt64(), or group by it."),
        Of(
            s => s.GroupBy(c => (c.ArgString(0, 128), c.ArgString(1, 128), c.ArgString(2, 128))).Count().Query,
            "The query needs more than the 512 bytes of stack that a BPF program has: select fewer values at once, or shorter texts."),
        Of(
            s => s.Select(c => c.UStack.Take(3).Skip(3)).Query,
            "Skip(3) leaves none of the 3 frames that Take lets through: skip first, Skip(3).Take(3)."),
        Of(
            s => s.Summaries().Query,
            "Summaries needs a value, or several."),
        Of(
            s => s.Where(c => Variable.Value > 3).Count().Query,
            "No probe of the query sets the variable \"v\", so it never has a value: join the probe that sets it by Probe.Any, and Set it there."),
        Of(
            s => s.Set(Variable, c => c.Pid).Silent().Count().Query,
            "All probes of the query are silent, so there is no result: leave Silent() out where hits are to be in it."),
        Of(
            s => Probe.Any(s, Probe.UProbe("app", "g").Silent()).Count().Query,
            "uprobe:app:g is silent and changes no variable, so it does nothing: Set one there, or leave the probe, or Silent(), out."),
        Of(
            s => s.Set(Variable, c => c.Pid).Set(Probe.State<long>("v"), c => c.Arg(0)).Count().Query,
            "The query has two variables that are called \"v\", one of Int32 of each thread and one of Int64 of each thread: give one of them another name."),
        Of(
            s => s.Add(c => Probe.State<string, int>("by")[c.ArgString(0)], _ => 1).Count().Query,
            "The variable \"by\" cannot be kept by a text in memory: key it by numbers, or by s.Comm."),
        Of(
            _ => Probe.State<string>("text") is var text ? throw new InvalidOperationException(text.ToString()) : null!,
            "The variable \"text\" cannot keep texts: keep the thread's id, or group by the text."),
        Of(
            _ => Probe.State<int>("a b") is var named ? throw new InvalidOperationException(named.ToString()) : null!,
            "\"a b\" cannot be the name of a variable: it has at most 32 letters, digits and _, and does not begin with a digit."),
        Of(
            _ => Probe.Any<EntryContext>().Count().Query,
            "Probe.Any needs a probe, or several: Probe.Any(Probe.UProbe(\"app\", \"enter\"), Probe.UProbe(\"app\", \"leave\"))."),
        Of(
            s => s.MaxBy(c => c.Pid).And(Probe.UProbe("app", "g").Count()).Query,
            "And joins two queries of the same probe with the same filters: build both from one source, with its ForProcess and Where."),
    ];

    public static TheoryData<string> Lines { get; } = [.. s_all.Select(static refused => refused.Line)];

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_query_that_means_nothing_is_refused_with_what_to_write(string line)
    {
        var refused = s_all.Single(refused => refused.Line == line);

        var error = Assert.Throws<ProbeQueryException>(() => ProbeCompiler.Compile(refused.Build(GoldenQueries.Source), GoldenQueries.Target));

        Assert.Equal(refused.Message, error.Message);
    }

    /// <summary>A variable that a lambda captures counts as it is when the lambda runs, which is once, as the query is built.</summary>
    [Fact]
    public void A_captured_variable_that_changes_later_does_not_change_the_query()
    {
        var limit = 3;
        var query = GoldenQueries.Source.Where(s => s.Arg(0) > limit).Count().Query;
        limit = 100;

        Assert.Equal(GoldenQueries.Source.Where(static s => s.Arg(0) > 3).Count().Query, query);
        Assert.NotEqual(GoldenQueries.Source.Where(s => s.Arg(0) > limit).Count().Query, query);
    }

    [Fact]
    public void A_query_whose_captured_variable_has_changed_is_not_attached()
    {
        var (limit, prefix) = (3, "py");
        var queries = new (string Method, ProbeQuery<long> Query)[]
        {
            ("Where", GoldenQueries.Source.Where(s => s.Arg(0) > limit).Count()),
            ("Select", GoldenQueries.Source.Select(s => s.UStack.Length + limit).Sum()),
            ("Select", GoldenQueries.Source.Where(s => s.Comm.StartsWith(prefix)).Select(s => s.Arg(1) * limit).Sum()),
            ("Set", Probe.Any(GoldenQueries.Source.Set(Probe.State<int>("d"), s => s.Cpu + limit)).Count()),
        };
        var groups = GoldenQueries.Source.GroupBy(s => (s.Pid, s.Arg(0) / limit)).MaxBy(s => s.UStack.Length);
        var values = GoldenQueries.Source.GroupBy(s => s.Pid).Max(s => s.UStack.Length - limit);
        foreach (var (_, query) in queries)
            CapturedValues.Check(query.Query);
        CapturedValues.Check(groups.Query);
        CapturedValues.Check(values.Query);
        limit = 100;
        foreach (var (method, query) in queries)
            Assert.StartsWith($"{method} was given a lambda that captures a value, and the value has changed", Assert.Throws<ProbeQueryException>(() => CapturedValues.Check(query.Query)).Message, StringComparison.Ordinal);
        Assert.StartsWith("GroupBy was given", Assert.Throws<ProbeQueryException>(() => CapturedValues.Check(groups.Query)).Message, StringComparison.Ordinal);
        Assert.StartsWith("Max was given", Assert.Throws<ProbeQueryException>(() => CapturedValues.Check(values.Query)).Message, StringComparison.Ordinal);
        Assert.Equal(
            "Where was given a lambda that captures a value, and the value has changed since the query was built: it was (arg0 > 3), and would be (arg0 > 100) now. A query keeps the values that it was built with. "
            + "Build it again for the new one; or give the lambda a variable of its own (var limit = current; ... s => s.UStack.Length > limit) to keep the old one.",
            Assert.Throws<ProbeQueryException>(() => queries[0].Query.Explain()).Message);
        limit = 3;
        CapturedValues.Check(groups.Query);
    }

    private static Refused Of(Func<ProbeSource<EntryContext>, IrQuery> build, string message, [CallerArgumentExpression(nameof(build))] string line = "") => new(line, build, message);

    private sealed record Refused(string Line, Func<ProbeSource<EntryContext>, IrQuery> Build, string Message);
}
