using System.Collections.Concurrent;
using StackDepth.Native.Elf;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.UnwindSupply;

/// <summary>A session's end of the tables: maps, writer, supplier and the thread that serves requests.</summary>
internal sealed class Session : IDisposable
{
    private readonly UnwindTableWriter _writer;
    private readonly UnwindRequestServer _server;

    internal Session(UnwindFixture? maps = null, Action<string>? onRead = null)
    {
        Maps = maps ?? new UnwindFixture();
        Source = new FakeSource(onRead);
        _writer = Maps.Writer();
        Supplier = new UnwindSupplier(_writer, Source.Read, static () => Tables.Single(8), Notices.Enqueue);
        _server = new UnwindRequestServer(Maps.Requests, Supplier, Failures.Enqueue, SystemCalls.Real);
    }

    internal UnwindFixture Maps { get; }

    internal FakeSource Source { get; }

    internal UnwindSupplier Supplier { get; }

    internal ConcurrentQueue<UnwindNotice> Notices { get; } = new();

    internal ConcurrentQueue<Exception> Failures { get; } = new();

    /// <summary>The entry of a file, once it says something.</summary>
    internal UnwindFileEntry Await(UnwindFileKey key)
    {
        UnwindFileEntry? entry = null;
        Assert.True(SpinWait.SpinUntil(() => (entry = Maps.Entry(key)) is { Flags: not UnwindFileFlags.None }, TimeSpan.FromSeconds(20)), "There is no answer.");
        return entry!.Value;
    }

    internal UnwindNotice AwaitNotice(UnwindOutcome outcome)
    {
        UnwindNotice? notice = null;
        Assert.True(SpinWait.SpinUntil(() => (notice = Notices.Cast<UnwindNotice?>().FirstOrDefault(notice => notice!.Value.Outcome == outcome)) is not null, TimeSpan.FromSeconds(20)));
        return notice!.Value;
    }

    public void Dispose()
    {
        _server.Dispose();
        Supplier.Dispose();
        _writer.Dispose();
        Maps.Dispose();
        Assert.Empty(Failures);
    }
}

/// <summary>Makes of each ELF file a table whose one rule says how long the file is; counts how often each is read.</summary>
internal sealed class FakeSource(Action<string>? onRead)
{
    internal ConcurrentDictionary<(ulong Length, string BuildId), int> Reads { get; } = new();

    internal static int OffsetFor(ulong length) => (int)(length % 1_000_000) + 16;

    internal UnwindTable? Read(string openPath, string shownPath)
    {
        onRead?.Invoke(shownPath);
        using var image = ElfImage.Open(openPath, shownPath);
        Reads.AddOrUpdate((image.Length, Convert.ToHexString(image.BuildId)), 1, static (_, n) => n + 1);
        return image.TryGetSection(".eh_frame"u8, out var frames) && frames.Size > 0 ? Tables.Single(OffsetFor(image.Length)) : null;
    }
}
