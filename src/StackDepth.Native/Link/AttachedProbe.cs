using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>A loaded program at its probe.</summary>
/// <param name="Program">The program, as it was loaded for the kind of link.</param>
/// <param name="Link">The attachment.</param>
/// <param name="FallbackReason">Why it is not the best kind of link; null where it is.</param>
internal sealed record AttachedProbe(BpfProgram Program, ProbeLink Link, string? FallbackReason) : IDisposable
{
    /// <summary>How it is attached, for people.</summary>
    internal string Kind => FallbackReason is { } reason ? $"{Link.Kind} ({reason})" : Link.Kind;

    /// <summary>Loads a program and attaches it; where it cannot be attached, lets go of it again.</summary>
    /// <exception cref="KernelException">The kernel refuses one of the two.</exception>
    internal static AttachedProbe Load(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, SystemCalls sys, Func<BpfProgram, ProbeLink> attach, string? fallbackReason = null, bool keepLog = false)
    {
        var program = BpfProgram.Load(spec, maps, sys, keepLog);
        try
        {
            return new(program, attach(program), fallbackReason);
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    /// <summary>Detaches, then lets go of the program.</summary>
    public void Dispose()
    {
        Link.Dispose();
        Program.Dispose();
    }
}
