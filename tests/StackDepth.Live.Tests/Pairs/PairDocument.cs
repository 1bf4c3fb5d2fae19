using System.Globalization;
using System.Text;

namespace StackDepth.Live.Tests.Pairs;

/// <summary>docs/from-bpftrace.md, of the pairs as they run.</summary>
internal static class PairDocument
{
    internal static string Write()
    {
        var same = PairCorpus.All.Count(static pair => pair.Theirs is null);
        var text = new StringBuilder($$"""
            # From bpftrace

            Lines of bpftrace, and the line of C# that asks the same. `APP` and `app` are the path of the program that is probed. Every pair here is a test (`PairTests`): our line runs against a program that does what it is told,
            so that the right answer is known, and bpftrace 0.23's beside it where there is one (`STACKDEPTH_PEER` names the folder of a system that has it). Of {{PairCorpus.All.Length}} pairs {{same}} have the same answer;
            at the other {{PairCorpus.All.Length - same}} bpftrace answers something else, with the reason. This file is written by the tests (`STACKDEPTH_ACCEPT=1`).

            How to read a line of bpftrace in C#:

            | bpftrace | C# |
            |---|---|
            | `uprobe:APP:f`, `kprobe:f`, `tracepoint:c:n` | `Probe.UProbe(app, "f")`, `Probe.KProbe("f")`, `Probe.Tracepoint("c", "n")` |
            | `/condition/` | `.Where(s => condition)` |
            | `{ @ = max(x); }` | `.Select(s => x).Max()` |
            | `{ @[k] = max(x); }` | `.GroupBy(s => k).Max(s => x)` |
            | `{ printf(..., x, y); }` | `.Select(s => (x, y))`, a stream |
            | `@x[tid] = v` | `Probe.State<T>("x")`, `.Set(x, s => v)` |
            | `len(ustack)`, `ustack`, `ustack(3)` | `s.UStack.Length`, `s.UStack`, `s.UStack.Take(3)` |
            | `arg0`, `str(arg0)`, `retval`, `args.name` | `s.Arg(0)`, `s.ArgString(0)`, `s.ReturnValue`, `s.Field<int>("name")` |
            | `pid`, `tid`, `comm`, `cpu`, `nsecs`, `func` | `s.Pid`, `s.Tid`, `s.Comm`, `s.Cpu`, `s.Timestamp`, `s.Function` |
            | `-p PID`, `-c COMMAND` | `.ForProcess(pid)`, `.RunAsync(new("program", ["argument"]))` |

            """);
        foreach (var section in PairCorpus.All.GroupBy(static pair => pair.Section))
        {
            text.Append('\n').Append("## ").Append(section.Key).Append('\n');
            foreach (var pair in section)
            {
                text.Append('\n').Append("**").Append(pair.Title.TrimEnd('?')).Append(pair.Title.EndsWith('?') ? "?" : ".").Append("**\n\n```\n").Append(pair.Bpftrace).Append("\n```\n```csharp\n").Append(pair.CSharp).Append("\n```\n");
                if (pair.Theirs is not null)
                    text.Append(CultureInfo.InvariantCulture, $"\nStackDepth: {Inline(pair.Answer)}. bpftrace: {Inline(pair.Theirs)}: {pair.Reason}\n");
            }
        }
        text.Append("""

            ## Without a counterpart here
            - `printf` with a format, `system`, `cat`, `print` at intervals by the program: a host program does that in C#, with `ObserveIntervals` and `Observe`.
            - `BEGIN`, `END`, loops, maps as sets of records, `strftime`, `ntop`, `kaddr`, `reg`: StackDepth asks about stacks, and has what belongs to those.
            - hardware events, watchpoints, iterators of other things than threads, `config` blocks.

            ## Without a counterpart there
            - Whether a depth is complete, and why not (`UStack.Completeness`, `Reason`), and what was lost (`ProbeHealth`).
            - `Recursion`, `UStack.CountOf("f")`, `UStack.Bytes` and `BytesFree`, `Python.Length`.
            - `Quantile`, `MaxBy`, `MinBy` and `TopK` with the frames of the stack, `Distinct`, `Sample`, `Throttle` and `Take` in the kernel, exact over all CPUs.
            - Depths of code without frame pointers; the descendants of a command; names of frames after their process has ended.

            """);
        return text.Append(Table()).ToString();
    }

    private static string Table()
    {
        var text = new StringBuilder("\n## All answers\n\n| question | right | bpftrace |\n|---|---|---|\n");
        foreach (var pair in PairCorpus.All)
            text.Append(CultureInfo.InvariantCulture, $"| {pair.Title} | {Cell(pair.Answer)} | {(pair.Theirs is null ? "the same" : Cell(pair.Theirs))} |\n");
        return text.ToString();
    }

    private static string Inline(string answer) => answer.Length == 0 ? "nothing" : $"`{answer.Replace("\n", "; ", StringComparison.Ordinal)}`";

    private static string Cell(string answer) => (answer.Length > 60 ? answer[..59] + "…" : answer).Replace("\n", "; ", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal);
}
