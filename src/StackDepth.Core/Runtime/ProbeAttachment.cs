using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackDepth.Compile;
using StackDepth.Diagnostics;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Spec;

namespace StackDepth.Runtime;

/// <summary>
/// All that a session holds in the kernel, and the order in which it goes: links, (last drain,) reader, programs, maps. Reading and closing exclude each other; after the stop
/// the last readings answer.
/// </summary>
internal sealed class ProbeAttachment : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CompiledQuery _compiled;
    private readonly ProbePlace _place;
    private readonly KernelMaps _maps;
    private readonly ChildStart? _child;
    private readonly AttachedProbe _attached;
    private readonly ActivationLinks? _activations;
    private readonly FollowerLinks? _followers;
    private readonly TargetServices _services;
    private ProbeHealth? _finalHealth;
    private AggregateSnapshot? _finalAggregates;
    private bool _detached;
    private bool _closed;

    private ProbeAttachment(
        CompiledQuery compiled, ProbePlace place, KernelMaps maps, AttachedProbe attached, ActivationLinks? activations, FollowerLinks? followers, TargetServices services, RingConsumer? ring, ChildStart? child,
        AttachOptions options)
    {
        _compiled = compiled;
        _place = place;
        _maps = maps;
        _attached = attached;
        _activations = activations;
        _followers = followers;
        _services = services;
        _child = child;
        Ring = ring;
        Sites = new(place.Describe(compiled.UserWalk, services.TargetEntry)) { Stacks = compiled.DeliversStacks ? new(maps[MapNames.StackNodes], services.Names!) : null };
        FaultsOnLoss = options.WhenFull == Overflow.Fault;
        Log = Logger(options);
    }

    internal SiteTable Sites { get; }

    /// <summary>The layout of a stream's records.</summary>
    internal EventLayout? RecordLayout => _compiled.Event;

    internal string? TargetNote => _place.Note;

    internal string AttachedBy => _attached.Kind;

    internal RingConsumer? Ring { get; }

    internal bool FaultsOnLoss { get; }

    internal ILogger Log { get; }

    internal ProbeCommand? Command { get; private set; }

    internal static ProbeAttachment Create(IrQuery query, AttachOptions options, ProcessStartInfo? command, CancellationToken cancellationToken)
    {
        PidNamespaceGuard.Check();
        var sys = options.SystemCalls;
        var childCommand = command is null ? null : CommandLines.Parse(command, options);
        var scope = QueryPlanner.Scope(query, command is not null);
        using var undo = new Undo();
        try
        {
            // Beside all that follows, which does not wait for them before the probes are in place.
            var followers = scope is ProcessScope.Followed ? undo.Add(FollowerLinks.Begin(sys)) : null;
            var child = childCommand is null ? null : undo.Add(ChildStart.Begin(childCommand));
            var kernel = options.Kernel ?? KernelProfile.Detect(sys);
            var conditions = QueryPlanner.Target(scope, options, kernel);
            var resolve = QueryPlanner.Resolve(query, options, kernel, command);
            var place = undo.Add(ProbePlace.Resolve(query, resolve, sys));
            cancellationToken.ThrowIfCancellationRequested();
            var compiled = QueryPlanner.Compile(query, conditions with { Scope = QueryPlanner.Narrow(conditions.Scope, place.Target), Sites = place.SiteCount }, kernel);
            var maps = undo.Add(KernelMaps.Create(compiled.Maps, sys, followers?.Maps));
            CgroupFolders.Fill(maps, compiled, sys);
            var ring = compiled.Event is null ? null : undo.Add(RingConsumer.Open(maps[MapNames.Records], sys));
            // Beside the attaching, which is mostly to wait for the kernel's RCU: the tables must be there when the command starts, not before.
            var services = undo.Add(TargetServices.Start(compiled, maps, place.Target, resolve, Logger(options), sys));
            services.BeginPreload(childCommand);
            if (compiled.CountsActivations)
                ActivationLinks.Describe(maps, place.Target!);
            var attached = undo.Add(place.Attach(compiled.Program, maps.ByName, query.Probe.ProcessId, kernel, sys, PerfEventProgram));
            var activations = compiled.CountsActivations ? undo.Add(ActivationLinks.Attach(maps, place.Target!, sys)) : null;
            followers?.WaitUntilAttached();
            services.WaitUntilPreloaded();
            cancellationToken.ThrowIfCancellationRequested();
            var attachment = new ProbeAttachment(compiled, place, maps, attached, activations, followers, services, ring, child, options);
            undo.Keep();
            attachment.Log.Attached(place.SiteCount, place.Name, attachment.AttachedBy);
            if (place.Note is { } note)
                attachment.Log.TargetNote(note);
            return attachment;

            // A perf event of a process fires for whoever shares its memory, a vforked child too: there the program asks.
            ProgramSpec PerfEventProgram() => scope is ProcessScope.Linked linked
                ? QueryPlanner.Compile(query, QueryPlanner.Target(new ProcessScope.One(linked.ProcessId), options, kernel) with { Sites = place.SiteCount }, kernel).Program
                : compiled.Program;
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

    internal ProbeHealth ReadHealth()
    {
        lock (_gate)
            return _finalHealth ?? HealthNow();
    }

    internal AggregateSnapshot ReadAggregates()
    {
        lock (_gate)
            return _finalAggregates ?? AggregatesNow();
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
            _attached.Link.Dispose();
            _activations?.Detach();
            _followers?.Detach();
        }
    }

    /// <summary>Removes the probes and keeps the last readings.</summary>
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
            _attached.Dispose();
            _activations?.Dispose();
            _services.Dispose();
            _maps.Dispose();
            _followers?.Dispose();
            _place.Dispose();
        }
        if (_finalHealth is { } health)
        {
            if (health.Dropped + health.Missed + health.KeysLost + health.StackErrors + health.ReadErrors + health.Undecided > 0)
                Log.StoppedWithLosses(health);
            else
                Log.Stopped(health);
        }
    }

    private ProbeHealth HealthNow() => ResultReader.Health(_maps[MapNames.Results], (long)_attached.Program.Info.RecursionMisses + (_followers?.Missed ?? 0));

    private AggregateSnapshot AggregatesNow() => ResultReader.Aggregates(_maps, _compiled, Sites, _services.Names);

    private static ILogger Logger(AttachOptions options) => options.LoggerFactory?.CreateLogger("StackDepth") ?? NullLogger.Instance;
}
