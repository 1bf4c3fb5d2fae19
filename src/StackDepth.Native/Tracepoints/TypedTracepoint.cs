using System.Collections.Immutable;
using StackDepth.Native.Btf;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tracepoints;

/// <summary>
/// A raw tracepoint with its arguments, as the kernel's BTF describes it. A program of type Tracing with the attach type TraceRawTp and <paramref name="Id"/> as its attach_btf_id has the i-th argument
/// at offset 8 * i of its context, in 64 bits, and may follow a pointer to a struct by plain loads. A program of type RawTracePoint has the same context, but pointers in it are numbers.
/// </summary>
/// <param name="Name">Without its group: <c>sched_switch</c>.</param>
/// <param name="Id">Of the typedef in the kernel's BTF.</param>
/// <param name="Parameters">In their order; without names where the kernel does not tell them.</param>
internal sealed record TypedTracepoint(string Name, int Id, ImmutableArray<KernelValue> Parameters)
{
    /// <summary>The offset of an argument in the context, by its name; null where there is none of that name.</summary>
    internal int? OffsetOf(string parameter)
    {
        for (var i = 0; i < Parameters.Length; i++)
        {
            if (Parameters[i].Name == parameter)
            {
                return i * 8;
            }
        }

        return null;
    }

    /// <exception cref="TargetNotFoundException">The kernel describes no such tracepoint; the message has near names.</exception>
    internal static TypedTracepoint Find(VmlinuxBtf btf, string name) =>
        btf.FindTracepoint(name) is { } found ? new TypedTracepoint(name, found.Id, found.Parameters) : throw Unknown(btf, name);

    /// <summary>Says that there is no such tracepoint, with what may have been meant.</summary>
    internal static TargetNotFoundException Unknown(VmlinuxBtf? btf, string name)
    {
        // Who writes group:name means the name.
        var near = new NearMatches(name[(name.LastIndexOf(':') + 1)..]);
        ImmutableArray<string> best = [];
        if (btf is not null)
        {
            var names = btf.TracepointNames().ToHashSet(StringComparer.Ordinal);
            var bare = name[(name.LastIndexOf(':') + 1)..];
            foreach (var candidate in names)
            {
                near.Offer(candidate);
            }

            best = bare != name && names.Contains(bare) ? [bare] : near.Best();
        }

        return new TargetNotFoundException(
            $"The kernel has no raw tracepoint '{PrintableText.Escape(name)}'."
            + (best.IsEmpty ? " `ls /sys/kernel/tracing/events/*/` lists them (without their group)." : $" Did you mean {NearMatches.Join(best)}?"), best);
    }
}
