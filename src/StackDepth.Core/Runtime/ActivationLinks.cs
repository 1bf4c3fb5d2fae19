using System.Buffers.Binary;
using System.Runtime.InteropServices;
using StackDepth.Compile;
using StackDepth.Compile.Lowering.Activations;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Runtime;

/// <summary>
/// What a count of activations needs beside the probes: where the code of their functions is, that memory is given back when threads end, and when the probes were in place, so that the program knows which threads
/// are younger.
/// </summary>
internal sealed class ActivationLinks : IDisposable
{
    private readonly BpfProgram _program;
    private readonly RawTracepointLink _link;

    private ActivationLinks(BpfProgram program, RawTracepointLink link) => (_program, _link) = (program, link);

    /// <summary>Tells the program of its functions, before the probes are in place.</summary>
    /// <param name="maps">The maps.</param>
    /// <param name="target">The functions.</param>
    /// <param name="firstSite">The number of the first one.</param>
    internal static void Describe(KernelMaps maps, ProbeTarget target, int firstSite)
    {
        var sites = target.Sites;
        var keys = new uint[sites.Length];
        var values = new byte[sites.Length * ActivationLayout.Code.Bytes];
        for (var index = 0; index < sites.Length; index++)
        {
            keys[index] = (uint)(firstSite + index);
            var site = sites[index];
            var value = values.AsSpan(index * ActivationLayout.Code.Bytes);
            BinaryPrimitives.WriteUInt64LittleEndian(value[ActivationLayout.Code.Size..], site.Size);
            BinaryPrimitives.WriteUInt64LittleEndian(value[ActivationLayout.Code.ColdDistance..], (site.Cold?.Address ?? 0) - site.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(value[ActivationLayout.Code.ColdSize..], site.Cold?.Size ?? 0);
            BinaryPrimitives.WriteUInt64LittleEndian(value[ActivationLayout.Code.IsWhole..], site.Size > 0 && site.Cold is not null ? 1u : 0);
        }
        maps[MapNames.FunctionCode].UpdateAll(MemoryMarshal.AsBytes(keys.AsSpan()), values);
    }

    /// <summary>Begins, when the probes are in place.</summary>
    internal static ActivationLinks Attach(KernelMaps maps, int sites, SystemCalls sys)
    {
        var program = BpfProgram.Load(ActivationCleanup.Build(sites > 1), maps.ByName, sys);
        try
        {
            var link = RawTracepointLink.Attach(program, ActivationCleanup.Tracepoint, sys);
            try
            {
                // The kernel's own clock of threads' starts, which no time namespace shifts: it has just stamped this program with it.
                maps[MapNames.Attached].Write(0, program.Info.LoadTime);
                return new(program, link);
            }
            catch
            {
                link.Dispose();
                throw;
            }
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    internal void Detach() => _link.Dispose();

    public void Dispose()
    {
        Detach();
        _program.Dispose();
    }
}
