using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Runtime;
using Xunit.Sdk;

namespace StackDepth.Live.Tests.Generated;

/// <summary>A random query, drawn from its number, and the processes that its session would follow.</summary>
internal sealed record LiveTrial(long Number, IrQuery Query, CompileTarget Target, ImmutableArray<int> Followed)
{
    // Kernels from 6.10 describe the functions, and let programs at functions of the kernel alone call them.
    private static readonly bool HasSessions = KernelProfile.Detect(SystemCalls.Real).Expects(KernelFeatures.UprobeSession);

    private const int MostGroups = 64;

    internal static LiveTrial Draw(long number, ImmutableArray<int> ids)
    {
        var random = new Random((int)(number ^ (number >> 32)));
        var queries = new RandomQueries(random) { Ids = ids, Session = HasSessions ? KernelTypes.Session : null, KnowsTime = false, HasKernelStacks = false };
        var (query, target) = number % 3 == 2 ? queries.NextJoined() : queries.Next();
        // Groups of this size cannot all be allocated at the hits of a hundred queries.
        if (query.Sink is IrAggregate { Key: not null, Buckets: not null })
            target = target with { MaxKeys = int.Min(target.MaxKeys, MostGroups), LargeGroupBytes = long.MaxValue };
        return new(number, query, target, random.Next(2) == 0 ? [ids[0]] : [ids[0], ids[1]]);
    }

    /// <summary>The query in the kernel; null where it is too large for one program, and refused as such.</summary>
    internal KernelRun? Attach(LiveHits hits)
    {
        CompiledQuery compiled;
        try
        {
            compiled = ProbeCompiler.Compile(Query, Target);
        }
        catch (ProbeQueryException error) when (error.Message.Contains("512 bytes", StringComparison.Ordinal))
        {
            return null;
        }
        var run = new KernelRun(compiled, Target, hits.Functions);
        if (Target.Scope is ProcessScope.Followed)
        {
            foreach (var pid in Followed)
                run.Follow(pid);
        }
        return run;
    }

    /// <summary>Compares what the query has come to with what it means.</summary>
    internal void Check(KernelRun run, IEnumerable<(Hit Entry, Hit Return)> hits)
    {
        var model = new QueryModel(Query, Target, Followed.ToHashSet(), int.MaxValue);
        var programs = run.Compiled.Programs;
        foreach (var (entry, returned) in hits)
        {
            var function = (int)entry.Cookie;
            if (programs.Length > 1 && function >= programs.Length)
                continue;
            // The kernel runs the program for that process only.
            if (Target.Scope is ProcessScope.Linked linked && linked.ProcessId != entry.Pid)
                continue;
            var program = programs.Length == 1 ? 0 : function;
            var hit = programs[program].Ir.Probe.IsReturn ? returned : entry;
            model.Add(hit with { UserStack = long.Min(hit.UserStack, Target.MaxStackFrames * sizeof(ulong)) }, program);
        }
        ModelComparison.AssertSame(model, run);
    }

    /// <summary>What kind of failure an error is: those of one kind are taken for the same while a query is made smaller.</summary>
    internal static string Kind(Exception error) => error switch
    {
        VerifierException => "refused by the verifier",
        XunitException => "another answer",
        _ => error.GetType().Name,
    };

    /// <summary>The query for people who look for a defect.</summary>
    internal string Print() => string.Join('\n', (string[])
    [
        $"{Target.Scope}, at most {Target.MaxStackFrames} frames, at most {Target.MaxKeys} keys, followed {string.Join(' ', Followed)}{(Target.Session is null ? "" : ", at entries too")}",
        .. Query.Branches.SelectMany(static branch => (string[])[branch.Probe.ToString(), .. branch.Predicates.Select(static predicate => "  " + IrPrinter.Print(predicate))]),
        .. Query.Controls.Select(IrPrinter.Print),
        IrPrinter.Print(Query.Sink),
    ]);
}
