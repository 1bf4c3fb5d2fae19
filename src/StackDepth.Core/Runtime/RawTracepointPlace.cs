using System.Collections.Immutable;
using System.Globalization;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Btf;
using StackDepth.Native.Elf;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tracepoints;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>A raw tracepoint of the kernel, with typed arguments.</summary>
internal sealed class RawTracepointPlace : ProbePlace
{
    private readonly TypedTracepoint _tracepoint;
    private readonly KernelFields _fields;

    private RawTracepointPlace(TypedTracepoint tracepoint, KernelFields fields) => (_tracepoint, _fields) = (tracepoint, fields);

    internal override int SiteCount => 1;

    internal override string Name => "the kernel";

    /// <exception cref="ProbeUnavailableException">The kernel does not describe its types.</exception>
    internal static RawTracepointPlace Resolve(IrRawTracepoint probe, SystemCalls sys)
    {
        var types = VmlinuxBtf.TryRead(sys: sys) ?? throw new ProbeUnavailableException(
            $"{PrintableText.Escape(probe.ToString())} needs the kernel's type information ({VmlinuxBtf.DefaultPath}, CONFIG_DEBUG_INFO_BTF), which cannot be read.",
            "Use Probe.Tracepoint, whose fields are described in tracefs, or a kernel with type information.");
        var tracepoint = TypedTracepoint.Find(types, probe.Name);
        // Where the kernel does not name them, their positions are their names.
        var roots = tracepoint.Parameters.Select(static (value, index) => (value.Name.Length > 0 ? value : value with { Name = string.Create(CultureInfo.InvariantCulture, $"arg{index}") }, index * sizeof(long)));
        return new(tracepoint, new(probe, types, [.. roots]));
    }

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null) => [new("[kernel]", _tracepoint.Name, 0, 0)];

    private protected override FieldPlace Locate(IrField field) => _fields.Locate(field);

    private protected override FieldPlace Locate(IrFieldText text) => _fields.Locate(text);

    internal override ProgramSpec Complete(ProgramSpec program) => program with { ExpectedAttachType = AttachType.TraceRawTp, AttachFunction = _tracepoint.Id };

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram) =>
        AttachedProbe.Load(Complete(program), maps, sys, loaded => RawTracepointLink.AttachTyped(loaded, _tracepoint.Name, sys));
}
