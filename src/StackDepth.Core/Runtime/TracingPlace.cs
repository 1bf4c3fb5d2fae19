using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Btf;
using StackDepth.Native.Elf;
using StackDepth.Native.Features;
using StackDepth.Native.Kernel;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>The entry or the exit of one function of the kernel (fentry, fexit).</summary>
internal sealed class TracingPlace : ProbePlace
{
    private readonly TracedFunction _function;
    private readonly bool _isExit;
    private readonly KernelFields _fields;

    private TracingPlace(TracedFunction function, bool isExit, KernelFields fields) => (_function, _isExit, _fields) = (function, isExit, fields);

    internal override int SiteCount => 1;

    internal override string Name => "the kernel";

    /// <exception cref="ProbeUnavailableException">The kernel does not describe its types.</exception>
    /// <exception cref="ProbeQueryException">Several functions are meant.</exception>
    internal static TracingPlace Resolve(IrTracing probe, ResolveOptions resolve, SystemCalls sys)
    {
        var shown = PrintableText.Escape(probe.ToString());
        if (Glob.IsGlob(probe.Function))
            throw new ProbeQueryException($"{shown}: a program for fentry or fexit belongs to one function, whose types it has. Name the function, or use Probe.KProbe, which takes a glob.");
        var types = VmlinuxBtf.TryRead(sys: sys) ?? throw new ProbeUnavailableException(
            $"{shown} needs the kernel's type information ({VmlinuxBtf.DefaultPath}, CONFIG_DEBUG_INFO_BTF), which cannot be read.",
            $"Use {(probe.IsExit ? "Probe.KRetProbe" : "Probe.KProbe")}, or a kernel with type information.");
        var match = KernelFunctionFinder.Read(sys).Find(probe.Function, KernelProbeKind.Tracing, resolve.MaxFunctions);
        var function = TracedFunction.Describe(match, types, probe.Function) is [var only] ? only
            : throw new ProbeQueryException($"{shown} means several functions, and a program for fentry or fexit belongs to one. Use Probe.KProbe, which takes several.");
        return new(function, probe.IsExit, new(probe, types, [.. Roots(function.Signature, probe.IsExit)]));
    }

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null) => [new("[kernel]", _function.Function.Name, 0, _function.Function.Address)];

    private protected override FieldPlace Locate(IrField field) => _fields.Locate(field);

    private protected override FieldPlace Locate(IrFieldText text) => _fields.Locate(text);

    internal override ProgramSpec Complete(ProgramSpec program) =>
        program with { ExpectedAttachType = _isExit ? AttachType.TraceFexit : AttachType.TraceFentry, AttachFunction = _function.Signature.Id };

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram)
    {
        var (loaded, link) = TracingLink.Load(Complete(program), _function.Function.Name, maps, sys);
        return new(loaded, link, null);
    }

    private static IEnumerable<(KernelValue Value, int Offset)> Roots(KernelFunctionSignature signature, bool isExit)
    {
        for (var index = 0; index < signature.Parameters.Length; index++)
            yield return (signature.Parameters[index], KernelArguments.Tracing(signature, index).Offset);
        if (isExit && KernelArguments.TracingResult(signature) is { } result)
            yield return (signature.Result!.Value with { Name = IrField.Result }, result.Offset);
    }
}
