using System.Collections.Immutable;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackDepth.Compile;
using StackDepth.Diagnostics;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>
/// All that a session holds in the kernel, and the order in which it goes: links, (last drain,) reader, programs, maps. Reading and closing exclude each other; after the stop
/// the last readings answer.
/// </summary>
internal sealed class ProbeAttachment : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CompiledQuery _compiled;
    private readonly ImmutableArray<PlannedProbe> _probes;
    private readonly KernelMaps _maps;
    private readonly ChildStart? _child;
    private readonly ImmutableArray<AttachedProbe> _attached;
    private readonly ActivationLinks? _activations;
    private readonly FollowerLinks? _followers;
    private readonly TargetServices _services;
    private readonly SystemCalls _sys;
    private ProbeHealth? _finalHealth;
    private AggregateSnapshot? _finalAggregates;
    private Intervals? _intervals;
    private StackDepthException? _unread;
    private bool _detached;
    private bool _closed;

    private ProbeAttachment(
        CompiledQuery compiled, ImmutableArray<PlannedProbe> probes, KernelMaps maps, ImmutableArray<AttachedProbe> attached, ActivationLinks? activations, FollowerLinks? followers, TargetServices services, RingConsumer? ring, ChildStart? child,
        AttachOptions options)
    {
        _compiled = compiled;
        _probes = probes;
        _maps = maps;
        _attached = attached;
        _activations = activations;
        _followers = followers;
        _services = services;
        _child = child;
        _sys = options.SystemCalls;
        Ring = ring;
        Sites = new(Describe(compiled, probes, services.EntryOf)) { Stacks = compiled.DeliversStacks ? new(maps[MapNames.StackNodes], services.Names!) : null };
        FaultsOnLoss = options.WhenFull == Overflow.Fault;
        Log = Logger(options);
    }

    internal SiteTable Sites { get; }

    /// <summary>The layout of a stream's records.</summary>
    internal EventLayout? RecordLayout => _compiled.Event;

    internal string? TargetNote => Note(_probes);

    internal string AttachedBy => Join(_attached.Select(static attached => attached.Kind))!;

    internal RingConsumer? Ring { get; }

    internal bool FaultsOnLoss { get; }

    internal ILogger Log { get; }

    internal ProbeCommand? Command { get; private set; }

    internal static ProbeAttachment Create(IrQuery query, AttachOptions options, ProcessStartInfo? command, CancellationToken cancellationToken)
    {
        CapturedValues.Check(query);
        PidNamespaceGuard.Check();
        var sys = options.SystemCalls;
        var childCommand = command is null ? null : CommandLines.Parse(command, options);
        foreach (var branch in query.Branches)
            QueryPlanner.Scope(branch, command is not null);
        using var undo = new Undo();
        try
        {
            // Beside all that follows, which does not wait for them before the probes are in place.
            var followers = command is not null ? undo.Add(FollowerLinks.Begin(sys)) : null;
            var child = childCommand is null ? null : undo.Add(ChildStart.Begin(childCommand));
            var kernel = options.Kernel ?? KernelProfile.Detect(sys);
            var probes = PlannedProbe.ResolveAll(query, options, kernel, command, command is not null, sys);
            foreach (var probe in probes)
                undo.Add(probe);
            cancellationToken.ThrowIfCancellationRequested();
            var compiled = QueryPlanner.Compile(probes, options, kernel);
            var maps = undo.Add(KernelMaps.Create(compiled.Maps, sys, followers?.Maps));
            CgroupFolders.Fill(maps, compiled, sys);
            var ring = compiled.Event is null ? null : undo.Add(RingConsumer.Open(maps[MapNames.Records], sys));
            // Beside the attaching, which is mostly to wait for the kernel's RCU: the tables must be there when the command starts, not before.
            var services = undo.Add(TargetServices.Start(compiled, maps, probes, Logger(options), sys));
            services.BeginPreload(childCommand);
            if (compiled.CountsActivations)
            {
                foreach (var probe in probes)
                {
                    if (probe.Place.Target is { } target)
                        ActivationLinks.Describe(maps, target, probe.Place.FirstSite);
                }
            }
            var attached = ImmutableArray.CreateBuilder<AttachedProbe>(probes.Length);
            for (var index = 0; index < probes.Length; index++)
            {
                var (probe, number) = (probes[index], index);
                attached.Add(undo.Add(probe.Place.Attach(compiled.Programs[index].Program, maps.ByName, probe.ProcessId, kernel, sys, () => PerfEventProgram(number))));
            }
            var activations = compiled.CountsActivations ? undo.Add(ActivationLinks.Attach(maps, probes.Sum(static probe => probe.Place.SiteCount), sys)) : null;
            followers?.WaitUntilAttached();
            services.WaitUntilPreloaded();
            cancellationToken.ThrowIfCancellationRequested();
            var attachment = new ProbeAttachment(compiled, probes, maps, attached.MoveToImmutable(), activations, followers, services, ring, child, options);
            undo.Keep();
            for (var index = 0; index < probes.Length; index++)
                attachment.Log.Attached(probes[index].Place.SiteCount, probes[index].Place.Name, attachment._attached[index].Kind);
            if (attachment.TargetNote is { } note)
                attachment.Log.TargetNote(note);
            return attachment;

            // A perf event of a process fires for whoever shares its memory, a vforked child too: there the program asks.
            ProgramSpec PerfEventProgram(int number)
            {
                if (probes[number].Scope is not ProcessScope.Linked linked)
                    return compiled.Programs[number].Program;
                var asking = probes.SetItem(number, probes[number] with { Scope = new ProcessScope.One(linked.ProcessId) });
                return QueryPlanner.Compile(asking, options, kernel).Programs[number].Program;
            }
        }
        catch (Exception error) when (NativeErrors.Translate(error) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>Attaches, and lets the command go at once: there is no way back to the caller in between.</summary>
    internal static ProbeAttachment CreateAndStart(IrQuery query, AttachOptions options, ProcessStartInfo command, CancellationToken cancellationToken)
    {
        var attachment = Create(query, options, command, cancellationToken);
        try
        {
            attachment.StartCommand();
            return attachment;
        }
        catch
        {
            attachment.Dispose();
            throw;
        }
    }

    /// <summary>Names the command, which waits at its gate, to the kernel's programs, and lets it go.</summary>
    internal ProbeCommand StartCommand()
    {
        var start = _child ?? throw new InvalidOperationException("This session was attached without a command.");
        try
        {
            var child = start.Wait();
            // It joins the followed at its exec, so that the gate's own code is never counted.
            _maps[MapNames.Waiting].Write(0, child.Pid);
            _services.FollowCommand(child.Pid);
            child.Release();
            return Command = new ProbeCommand(child);
        }
        catch (Exception error) when (NativeErrors.Translate(error) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>Runs the command, where it was not started yet, to its exit. Cancelling kills it.</summary>
    internal async Task<int> RunCommandAsync(CancellationToken cancellationToken)
    {
        var command = Command;
        if (command is null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            command = StartCommand();
        }
        try
        {
            return await command.ExitCode.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            command.Kill();
            await command.ExitCode.ConfigureAwait(false);
            throw;
        }
    }

    /// <exception cref="ProbeUnavailableException">The kernel refused to be read.</exception>
    internal ProbeHealth ReadHealth()
    {
        lock (_gate)
            return _finalHealth ?? HealthNow();
    }

    /// <exception cref="ProbeUnavailableException">The kernel refused to be read.</exception>
    internal AggregateSnapshot ReadAggregates()
    {
        lock (_gate)
            return _finalAggregates ?? AggregatesNow();
    }

    /// <summary>The same, and extremes, last values and kept hits begin anew.</summary>
    /// <exception cref="ProbeUnavailableException">The kernel is too old for that, or refused to be read.</exception>
    internal AggregateSnapshot TakeAggregates()
    {
        lock (_gate)
        {
            if (_finalAggregates is { } final)
            {
                _finalAggregates = final.Taken();
                return final;
            }
            return AggregatesNow(_intervals ??= Intervals.Create(_compiled, _maps, _sys));
        }
    }

    /// <summary>Removes the probes; what they have gathered can still be read.</summary>
    internal void Detach()
    {
        lock (_gate)
        {
            if (_detached)
                return;
            _detached = true;
            UprobeGracePeriod.End();
            foreach (var attached in _attached)
                attached.Link.Dispose();
            _activations?.Detach();
            _followers?.Detach();
        }
    }

    /// <summary>Removes the probes and keeps the last readings.</summary>
    /// <exception cref="ProbeUnavailableException">The kernel refused to be read. The probes are gone all the same, and it can be asked again.</exception>
    internal void Stop()
    {
        Detach();
        lock (_gate)
        {
            if (_closed)
                return;
            _finalHealth ??= HealthNow();
            if (_compiled.Event is null)
                _finalAggregates ??= AggregatesNow();
        }
    }

    public void Dispose()
    {
        try
        {
            Stop();
        }
        catch (StackDepthException error)
        {
            // Who disposes does not ask for the result; who asks for it later is told.
            lock (_gate)
                _unread = error;
            Log.NotRead(error);
        }
        finally
        {
            Close();
        }
    }

    private void Close()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
            _child?.Dispose();
            Ring?.Dispose();
            foreach (var attached in _attached)
                attached.Dispose();
            _activations?.Dispose();
            _services.Dispose();
            _intervals?.Dispose();
            _maps.Dispose();
            _followers?.Dispose();
            foreach (var probe in _probes)
                probe.Dispose();
        }
        if (_finalHealth is { } health)
        {
            if (health.Dropped + health.Missed + health.KeysLost + health.StackErrors + health.ReadErrors + health.Undecided > 0)
                Log.StoppedWithLosses(health);
            else
                Log.Stopped(health);
        }
    }

    /// <summary>The sites of all probes, in the order of their numbers.</summary>
    internal static ImmutableArray<ProbeSite> Describe(CompiledQuery compiled, ImmutableArray<PlannedProbe> probes, Func<ProbeTarget?, UnwindFileEntry?> entryOf)
    {
        if (probes is [var single])
            return single.Place.Describe(compiled.Programs[0].UserWalk, entryOf(single.Place.Target));
        var sites = ImmutableArray.CreateBuilder<ProbeSite>();
        for (var index = 0; index < probes.Length; index++)
            sites.AddRange(probes[index].Place.Describe(compiled.Programs[index].UserWalk, entryOf(probes[index].Place.Target)));
        return sites.ToImmutable();
    }

    /// <summary>What the targets turned out to be; null where they are what was written.</summary>
    internal static string? Note(ImmutableArray<PlannedProbe> probes) => Join(probes.Select(static probe => probe.Place.Note));

    private static string? Join(IEnumerable<string?> texts) => texts.OfType<string>().Distinct().ToArray() is { Length: > 0 } some ? string.Join("; ", some) : null;

    private ProbeHealth HealthNow() => Read(() =>
    {
        var missed = _followers?.Missed ?? 0;
        foreach (var attached in _attached)
            missed += (long)attached.Program.Info.RecursionMisses;
        return ResultReader.Health(_maps[MapNames.Results], _compiled.CountsUnset ? _maps[MapNames.Unset] : null, missed);
    });

    private AggregateSnapshot AggregatesNow(Intervals? taking = null) => Read(() => ResultReader.Aggregates(_maps, _compiled, Sites, _services.Names, taking));

    private T Read<T>(Func<T> read)
    {
        if (_unread is not null)
            throw new StackDepthException($"The session has ended without a result: {_unread.Message}", _unread);
        try
        {
            return read();
        }
        catch (Exception error) when (NativeErrors.Translate(error) is { } translated)
        {
            throw translated;
        }
    }

    private static ILogger Logger(AttachOptions options) => options.LoggerFactory?.CreateLogger("StackDepth") ?? NullLogger.Instance;
}
