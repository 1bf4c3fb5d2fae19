using System.Collections.Immutable;
using System.Text;

namespace StackDepth.Native.Btf;

/// <content>The tracepoints that the kernel describes: each has a typedef of a pointer to a function (include/trace/bpf_probe.h).</content>
internal sealed unsafe partial class VmlinuxBtf
{
    private static ReadOnlySpan<byte> TracepointPrefix => "btf_trace_"u8;

    /// <summary>The names of all tracepoints, modules' left out.</summary>
    internal IEnumerable<string> TracepointNames()
    {
        var names = new List<string>();
        for (var id = 1; id < _positions.Count; id++)
        {
            if (Kind(_positions[id]) == BtfKind.Typedef && Name(_positions[id]) is var name && name.StartsWith(TracepointPrefix))
            {
                names.Add(Encoding.UTF8.GetString(name[TracepointPrefix.Length..]));
            }
        }

        GC.KeepAlive(_owner);
        return names;
    }

    /// <summary>
    /// The id of a tracepoint's typedef, and its arguments; null where the kernel does not describe it. The typedef has no names: they come from the function that calls the probes of the
    /// tracepoint, where the kernel describes that one too.
    /// </summary>
    internal (int Id, ImmutableArray<KernelValue> Parameters)? FindTracepoint(string name)
    {
        byte[] wanted = [.. TracepointPrefix, .. Encoding.UTF8.GetBytes(name)];
        for (var id = 1; id < _positions.Count; id++)
        {
            if (Kind(_positions[id]) == BtfKind.Typedef && NameIs(_positions[id], wanted))
            {
                var found = Arguments(id) is { } unnamed ? (id, Named(unnamed, name)) : ((int, ImmutableArray<KernelValue>)?)null;
                GC.KeepAlive(_owner);
                return found;
            }
        }

        return null;
    }

    private ImmutableArray<KernelValue>? Arguments(int typedef)
    {
        if (Word(_positions[typedef] + 8) is var pointer && (pointer >= (uint)_positions.Count || Kind(_positions[(int)pointer]) != BtfKind.Pointer)
            || Word(_positions[(int)pointer] + 8) is var prototype && (prototype >= (uint)_positions.Count || Kind(_positions[(int)prototype]) != BtfKind.FunctionPrototype))
        {
            return null;
        }

        var at = _positions[(int)prototype];
        var count = Members(at);
        if (count is 0 or > MaxParameters || at + BtfFormat.TypeSize + (long)count * 8 > _typesEnd)
        {
            return null;
        }

        // The first is the probe's own data, which programs do not get.
        var arguments = ImmutableArray.CreateBuilder<KernelValue>(count - 1);
        for (var i = 1; i < count; i++)
        {
            arguments.Add(Value(Word(at + BtfFormat.TypeSize + i * 8 + 4), ""));
        }

        return arguments.MoveToImmutable();
    }

    private ImmutableArray<KernelValue> Named(ImmutableArray<KernelValue> arguments, string tracepoint)
    {
        var signatures = FindSignatures([$"__traceiter_{tracepoint}", $"__bpf_trace_{tracepoint}"]);
        foreach (var signature in signatures.Values)
        {
            if (signature.Parameters.Length == arguments.Length + 1)
            {
                return [.. arguments.Select((argument, i) => argument with { Name = signature.Parameters[i + 1].Name })];
            }
        }

        return arguments;
    }
}
