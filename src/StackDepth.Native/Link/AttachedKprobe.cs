using StackDepth.Native.Load;

namespace StackDepth.Native.Link;

/// <summary>A loaded program, attached to kernel functions.</summary>
/// <param name="Program">The program, as it was loaded for the kind of link.</param>
/// <param name="Link">The attachment.</param>
/// <param name="FallbackReason">Why it is not a kprobe_multi link; null where it is.</param>
internal sealed record AttachedKprobe(BpfProgram Program, IProbeLink Link, string? FallbackReason) : IDisposable
{
    /// <summary>Detaches, then lets go of the program.</summary>
    public void Dispose()
    {
        Link.Dispose();
        Program.Dispose();
    }
}
