using StackDepth.Native.Sys;

namespace StackDepth.Native.Symbols;

/// <summary>A process from its fork to its end, told from others that have its number before or after. Not thread-safe.</summary>
internal sealed class ObservedProcess : IDisposable
{
    private const int MostImages = 4;

    // Between the moment that is kept as a process's start and the record of its fork copy_process has little to do; a virtual machine can be stopped in between.
    private const long MostForkDelay = 1_000_000_000;

    private readonly List<ProgramImage> _images = [];
    private readonly bool _isOlderThanWatch;

    /// <param name="processId">Its number.</param>
    /// <param name="forkedAt">When its fork was told; 0 when it was not.</param>
    /// <param name="isOlderThanWatch">Whether it was there when the watch began, as far as is known.</param>
    internal ObservedProcess(int processId, long forkedAt, bool isOlderThanWatch) => (ProcessId, ForkedAt, _isOlderThanWatch) = (processId, forkedAt, isOlderThanWatch);

    internal int ProcessId { get; }

    internal long ForkedAt { get; }

    /// <summary>As /proc has it; null when it was not read.</summary>
    internal ulong? StartTicks { get; private set; }

    /// <summary>Asked for by its number, or a descendant of such a one: of interest whatever program it runs.</summary>
    internal bool IsFollowed { get; set; }

    /// <summary>It has the target mapped, until it runs another program.</summary>
    internal bool HasTarget { get; set; }

    internal bool IsWanted => IsFollowed || HasTarget;

    /// <summary>Its first thread has.</summary>
    internal bool IsEnded { get; set; }

    /// <summary>It has ended for all that is known: another one may have its number.</summary>
    internal bool IsGone { get; set; }

    internal ProgramImage Image => _images[^1];

    /// <summary>The program that ran at a time, or the last one for time 0; null when it is not known any more.</summary>
    internal ProgramImage? ImageAt(long time) => time == 0 ? _images[^1] : _images.FindLast(image => image.Since <= time);

    internal void Begin(ProgramImage image)
    {
        if (_images.Count > 0)
        {
            _images[^1].Supersede();
        }

        if (_images.Count == MostImages)
        {
            _images[0].Dispose();
            _images.RemoveAt(0);
        }

        _images.Add(image);
    }

    /// <summary>Whether it is the one that began at a time.</summary>
    /// <param name="startedAt">By the kernel's boot clock; 0 where that is not known: then the one that is known has to do.</param>
    /// <param name="watchedSince">Since when forks are told.</param>
    internal bool IsFrom(long startedAt, long watchedSince) =>
        startedAt == 0 ? !IsEnded
        : ForkedAt != 0 ? startedAt <= ForkedAt && ForkedAt - startedAt < MostForkDelay
        : StartTicks is { } ticks ? ticks == BootClock.Ticks(startedAt)
        : _isOlderThanWatch && startedAt < watchedSince;

    /// <summary>Whether what /proc says is of this process; then it is remembered.</summary>
    internal bool Recognize(ProcessStatus status)
    {
        var isSame = StartTicks is { } known ? known == status.StartTicks
            : ForkedAt == 0 || (status.StartTicks <= BootClock.Ticks(ForkedAt) && status.StartTicks >= BootClock.Ticks(ForkedAt - MostForkDelay));
        StartTicks = isSame ? status.StartTicks : StartTicks;
        return isSame;
    }

    /// <summary>What /proc says of it now, or what is known of it without.</summary>
    internal ProcessStatus Status() =>
        !IsEnded && ProcessStatus.Read(ProcessId) is { } status && Recognize(status) ? status : new ProcessStatus(StartTicks ?? BootClock.Ticks(ForkedAt), ProcessId, []);

    /// <summary>Adds what it has mapped now. False when it cannot be told, or not of this very process.</summary>
    /// <param name="since">Since when that is mapped, as far as is known; 0 for always.</param>
    /// <param name="isTold">Whether what it maps from now on is told.</param>
    /// <param name="context">What names are made with.</param>
    internal bool Look(long since, bool isTold, SymbolContext context)
    {
        if (IsEnded)
        {
            return false;
        }

        // The number is checked after the mappings were read, so that they are not those of another process that got it.
        var regions = MapsReader.Read(ProcessId);
        if (regions.Count == 0 || ProcessStatus.Read(ProcessId) is not { } status || !Recognize(status))
        {
            return false;
        }

        Image.History.AddAll(since, regions);
        Image.IsWhole = isTold;
        Image.PinAll(context);
        return true;
    }

    public void Dispose() => _images.ForEach(static image => image.Dispose());
}
