namespace StackDepth.Native.Ring;

/// <summary>Why <see cref="RingPoller.Wait"/> came back.</summary>
internal enum WaitResult
{
    /// <summary>Nothing came in time, and the ring was empty (or its next record still being written) when looked at last.</summary>
    TimedOut,

    /// <summary>There is something to read.</summary>
    Data,

    /// <summary>Somebody called <see cref="RingPoller.Wake"/>. There may be something to read as well.</summary>
    Woken,
}
