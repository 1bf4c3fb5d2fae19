namespace StackDepth.Native.Ring;

/// <summary>
/// The layout of a record in a BPF ring buffer (<c>struct bpf_ringbuf_hdr</c> and the <c>BPF_RINGBUF_*</c> constants of the kernel's uapi). A record is an
/// 8-byte header, its data, and padding to a multiple of 8. The first four bytes of the header are the length of the data and the two flags; the other
/// four are the kernel's own.
/// </summary>
internal static class RingRecord
{
    /// <summary>Set from reservation to commit: the data is not written yet, nor is anything behind it readable.</summary>
    internal const uint BusyBit = 1u << 31;

    /// <summary>Set by <c>bpf_ringbuf_discard</c>: the record holds space and no data.</summary>
    internal const uint DiscardBit = 1u << 30;

    /// <summary>The bits of the header's first word that are the length of the data, in bytes.</summary>
    internal const uint LengthMask = ~(BusyBit | DiscardBit);

    /// <summary>Bytes of a header.</summary>
    internal const int HeaderSize = 8;

    /// <summary>Records, and so both positions, are multiples of this many bytes.</summary>
    internal const int Alignment = 8;

    /// <summary>The bytes that a record takes in the ring: header, data and padding. At most 2^30 + 8, whatever the header says.</summary>
    internal static ulong TotalSize(uint header) => ((ulong)(header & LengthMask) + HeaderSize + (Alignment - 1)) & ~(ulong)(Alignment - 1);
}
