using System.Collections.Immutable;
using StackDepth.Native.Btf;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Kernel;

/// <summary>A kernel function for fentry and fexit.</summary>
/// <param name="Function">The function.</param>
/// <param name="Signature">Its arguments, and its id for the program.</param>
internal sealed record TracedFunction(KernelFunction Function, KernelFunctionSignature Signature)
{
    /// <summary>MAX_BPF_FUNC_ARGS (include/linux/bpf.h), in slots.</summary>
    private const int MostSlots = 12;

    /// <summary>Gives functions their types, and leaves out those that no tracing program attaches to.</summary>
    /// <exception cref="TargetException">None of them is left; of the first the message says why.</exception>
    internal static ImmutableArray<TracedFunction> Describe(KernelFunctionMatch match, VmlinuxBtf? types, string text)
    {
        if (types is null)
        {
            throw new TargetException($"fentry and fexit need the kernel's types ({VmlinuxBtf.DefaultPath}, CONFIG_DEBUG_INFO_BTF), which cannot be read: use a kprobe.");
        }

        if (match.Offset != 0)
        {
            throw new TargetException($"fentry and fexit take functions, and no instruction within one: use a kprobe for '{PrintableText.Escape(text)}'.");
        }

        var signatures = types.FindSignatures(match.Functions.Select(static function => function.Name));
        var several = match.Functions.CountBy(static function => function.Name).Where(static pair => pair.Value > 1).Select(static pair => pair.Key).ToHashSet(StringComparer.Ordinal);
        var traced = ImmutableArray.CreateBuilder<TracedFunction>();
        string? reason = null;
        foreach (var function in match.Functions)
        {
            var signature = signatures.GetValueOrDefault(function.Name);
            if (Refusal(function, signature, several) is { } refusal)
            {
                reason ??= $"{PrintableText.Escape(function.Name)}: {refusal} Use a kprobe.";
            }
            else
            {
                traced.Add(new(function, signature!));
            }
        }

        return traced.Count > 0 ? traced.ToImmutable() : throw new TargetException($"No function of '{PrintableText.Escape(text)}' takes fentry or fexit. {reason}");
    }

    private static string? Refusal(KernelFunction function, KernelFunctionSignature? signature, HashSet<string> several) =>
        function.Module is not null ? "it belongs to a module, whose types are not read."
        : several.Contains(function.Name) ? "several functions have that name."
        : signature is null ? "the kernel's types do not describe it (the compiler changed its arguments, or its source is assembly)."
        : signature.IsVariadic ? "it takes a variable number of arguments."
        : signature.Parameters.Sum(static p => p.Slots) > MostSlots || signature.Parameters.Any(static p => p.Size > 16 || p.Kind == KernelValueKind.Other)
            ? "it takes more arguments, or larger ones, than a tracing program can have."
        : signature.Result is { Kind: KernelValueKind.Aggregate or KernelValueKind.Other } ? "it returns a struct."
        : null;
}
