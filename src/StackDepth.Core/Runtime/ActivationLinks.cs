using StackDepth.Compile;
using StackDepth.Compile.Lowering.Activations;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>What a count of activations needs beside the probes: memory is given back when threads end, and the program must know which threads are younger than the probes.</summary>
internal sealed class ActivationLinks : IDisposable
{
    private readonly BpfProgram _program;
    private readonly RawTracepointLink _link;

    private ActivationLinks(BpfProgram program, RawTracepointLink link) => (_program, _link) = (program, link);

    /// <summary>Begins, when the probes are in place.</summary>
    internal static ActivationLinks Attach(KernelMaps maps, bool manySites, SystemCalls sys)
    {
        var program = BpfProgram.Load(ActivationCleanup.Build(manySites), maps.ByName, sys);
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
