using System.Collections.Immutable;

namespace StackDepth;

/// <summary>Probes in place. Dispose of it: probes of a session that is lost stay until the garbage collector finds it, and those of one that streams until the process ends.</summary>
public abstract class ProbeSession : IAsyncDisposable, IDisposable
{
    private readonly Runtime.ProbeAttachment _attachment;

    private protected ProbeSession(Runtime.ProbeAttachment attachment) => _attachment = attachment;

    /// <summary>Where the probes sit: one site for each address.</summary>
    public ImmutableArray<ProbeSite> Sites => _attachment.Sites.Sites;

    /// <summary>What the target turned out to be, where that is not what was written (a launcher's library, a shim's program); else null.</summary>
    public string? TargetNote => _attachment.TargetNote;

    /// <summary>How the probes are attached, for people: <c>uprobe_multi</c>, or one perf event per function and why.</summary>
    public string AttachedBy => _attachment.AttachedBy;

    /// <summary>What the numbers so far are worth. After the session has stopped: the final state.</summary>
    public ProbeHealth Health => _attachment.ReadHealth();

    /// <summary>The command that runs under the session, if it was given one.</summary>
    public ProbeCommand? Command => _attachment.Command;

    /// <summary>Completes when the session has stopped; faulted when its stream broke.</summary>
    public abstract Task Completion { get; }

    private protected Runtime.ProbeAttachment Attachment => _attachment;

    /// <summary>Detaches the probes and frees all that the session holds in the kernel. Results that were read stay. A command that the session started goes on. Idempotent; may be called from any thread.</summary>
    public abstract void Dispose();

    /// <inheritdoc cref="Dispose" />
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return new(Task.Run(Dispose));
    }
}

/// <summary>A session whose result is computed in the kernel.</summary>
public sealed class ProbeSession<TResult> : ProbeSession
{
    private readonly Func<Runtime.AggregateSnapshot, TResult> _decode;
    private readonly Lock _interval = new();
    private Runtime.AggregateSnapshot? _began;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal ProbeSession(Runtime.ProbeAttachment attachment, Func<Runtime.AggregateSnapshot, TResult> decode)
        : base(attachment) => _decode = decode;

    /// <inheritdoc />
    public override Task Completion => _completion.Task;

    /// <summary>The result as it stands now, since the last <see cref="Reset"/> if there was one; after the session has stopped, the final one.</summary>
    public TResult Snapshot()
    {
        lock (_interval)
            return _decode(Attachment.ReadAggregates().Since(_began));
    }

    /// <summary>
    /// Lets the result begin anew: what was counted up to now no longer is. No hit is lost between two results, and what <c>Take</c> and <c>Distinct</c> let through
    /// they do not let through again. Health and the keys that fit stay those of the whole session.
    /// </summary>
    /// <exception cref="ProbeUnavailableException">The kernel is too old to take back extremes, last values, quantiles or kept hits (Linux 5.19).</exception>
    public void Reset() => TakeInterval();

    /// <summary>The result since the last reset, and a <see cref="Reset"/> at the same moment: each hit counts in exactly one of the results that follow each other.</summary>
    /// <remarks>
    /// A hit that the kernel is counting at this moment can be counted in one result and its value summed in the next one. Extremes, last values, quantiles and kept hits are taken one part after the other: a hit that
    /// comes in between can be counted in one result, and be the maximum of the one before or after.
    /// </remarks>
    /// <exception cref="ProbeUnavailableException">The kernel is too old to take back extremes, last values, quantiles or kept hits (Linux 5.19).</exception>
    public TResult TakeInterval()
    {
        lock (_interval)
        {
            var now = Attachment.TakeAggregates();
            var result = _decode(now.Since(_began));
            _began = now;
            return result;
        }
    }

    /// <summary>Detaches the probes and answers the final result.</summary>
    public async ValueTask<TResult> StopAsync(CancellationToken cancellationToken = default)
    {
        await Task.Run(Attachment.Stop, cancellationToken).ConfigureAwait(false);
        _completion.TrySetResult();
        return Snapshot();
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        Attachment.Dispose();
        _completion.TrySetResult();
        GC.SuppressFinalize(this);
    }
}
