namespace StackDepth.Native.Ring;

/// <summary>
/// The ring's memory cannot have been written by the kernel: positions or a header contradict each other. The reader stays where it is and keeps throwing:
/// records have no marks to find the next one by.
/// </summary>
internal sealed class RingCorruptedException : Exception
{
    internal RingCorruptedException(string what, ulong consumer, ulong producer)
        : base($"The BPF ring buffer is corrupted: {what} (consumer position {consumer}, producer position {producer}). "
            + "Something else has written to the consumer page, or the file descriptor is not the ring buffer it was mapped as. "
            + "Close the session and start a new one with a ring of its own.")
    {
        ConsumerPosition = consumer;
        ProducerPosition = producer;
    }

    /// <summary>Where the reader stood, in bytes since the ring was made.</summary>
    internal ulong ConsumerPosition { get; }

    /// <summary>Where the producer claimed to be, in bytes since the ring was made.</summary>
    internal ulong ProducerPosition { get; }
}
