using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Elf;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;
using StackDepth.Native.Usdt;

namespace StackDepth.Runtime;

/// <summary>USDT probes of a file.</summary>
internal sealed class UsdtProbePlace : ProbePlace
{
    private readonly IrUsdtProbe _probe;
    private readonly UsdtTarget _usdt;

    internal UsdtProbePlace(IrUsdtProbe probe, UsdtTarget usdt)
    {
        _probe = probe;
        _usdt = usdt;
        var module = Path.GetFileName(usdt.Path);
        Target = new()
        {
            Path = usdt.Path,
            RequestedBinary = usdt.RequestedBinary,
            Note = usdt.Note,
            File = usdt.File,
            IsProgram = usdt.IsProgram,
            Sites = [.. usdt.Sites.Select(site => new FunctionSite($"{site.Provider}:{site.Name}", site.Address, site.Offset, 0, module))],
        };
    }

    internal override int SiteCount => _usdt.Sites.Length;

    internal override string Name => _usdt.Path;

    internal override ProbeTarget Target { get; }

    internal override ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null) =>
        [.. Target.Sites.Select(site => new ProbeSite(_usdt.Path, site.Symbol, site.Offset, site.Address) { Step = WalkChoices.Step(walk, entry, site.Offset) })];

    internal override AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram) =>
        UprobeAttacher.Attach(program, maps, _usdt.Request(processId ?? 0, FirstSite), kernel, sys, perfEventSpec: perfEventProgram);

    private protected override FieldPlace Locate(IrField field) => Locate(field.Name);

    private protected override FieldPlace Locate(IrFieldText text) => Locate(text.Name);

    private FieldPlace Locate(string name)
    {
        var index = Enumerable.Range(0, int.MaxValue).First(number => UsdtContext.ArgumentName(number) == name);
        var arguments = ImmutableArray.CreateBuilder<UsdtArgument>(_usdt.Sites.Length);
        foreach (var site in _usdt.Sites)
        {
            var shown = $"{PrintableText.Escape(_probe.ToString())}: at 0x{site.Address:x} {PrintableText.Escape($"{site.Provider}:{site.Name}")}";
            if (index >= site.Arguments.Length)
            {
                throw new ProbeQueryException(
                    $"{shown} has {(site.Arguments.Length == 0 ? "no arguments" : site.Arguments.Length == 1 ? "one argument, Arg(0)" : $"{site.Arguments.Length} arguments, Arg(0) to Arg({site.Arguments.Length - 1})")}, and no Arg({index}). "
                    + (site.Arguments.Length == 0 ? "Leave Arg away." : "Select one that it has."));
            }
            if (site.Arguments[index] is { Problem: { } problem } argument)
                throw new ProbeQueryException($"{shown} describes Arg({index}) as '{PrintableText.Escape(argument.Text)}', which cannot be read: {problem}. Leave that argument away, or probe the function around it by Probe.UProbe.");
            arguments.Add(site.Arguments[index]);
        }
        // What one load of the context gives needs no step of its own.
        return arguments[0] is { Operand: UsdtOperand.Register, Register: { Shift: 0 } register } first && arguments.All(other => other with { Text = first.Text } == first)
            ? new ContextPlace([register.ContextOffset], int.Min(first.Size, register.Size), first.IsSigned) { InSlot = true }
            : new ArgumentPlace(arguments.MoveToImmutable());
    }

    public override void Dispose()
    {
        _usdt.Dispose();
        base.Dispose();
    }
}
