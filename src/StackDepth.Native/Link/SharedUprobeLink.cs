using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>A program at one perf event of a <see cref="SharedUprobeEvent"/>.</summary>
internal sealed class SharedUprobeLink : IDisposable
{
    private readonly SharedUprobeEvent _definition;
    private readonly PerfEventHandles _handles;

    private SharedUprobeLink(SharedUprobeEvent definition, PerfEventHandles handles) => (_definition, _handles) = (definition, handles);

    /// <summary>Null where the event cannot be defined or opened, or the program not be tied to it.</summary>
    internal static SharedUprobeLink? TryAttach(BpfProgram program, UprobeRequest request, int cpu, SystemCalls sys)
    {
        if (SharedUprobeEvent.TryDefine(request, sys) is not { } definition)
        {
            return null;
        }

        var link = new SharedUprobeLink(definition, new PerfEventHandles());
        try
        {
            var attribute = new PerfEventAttribute { Type = PerfEventAttribute.Tracepoint, Config = definition.Id, SamplePeriod = 1, WakeupEvents = 1 };
            if (KernelCall.PerfEvent(sys, ref attribute, request.Pid == 0 ? -1 : request.Pid, cpu, out _) is { } perfEvent)
            {
                link._handles.Add(perfEvent);
                if (link._handles.Attach(program, cookie: 0, sys) == Errno.None)
                {
                    return link;
                }
            }
        }
        catch
        {
            link.Dispose();
            throw;
        }

        link.Dispose();
        return null;
    }

    /// <summary>Detaches, then removes the definition, which the kernel keeps while it is used. Idempotent.</summary>
    public void Dispose()
    {
        _handles.Dispose();
        _definition.Dispose();
    }
}
