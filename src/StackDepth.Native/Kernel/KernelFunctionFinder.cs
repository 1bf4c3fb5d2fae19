using System.Collections.Immutable;
using System.Text;
using StackDepth.Native.Btf;
using StackDepth.Native.Elf;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Kernel;

/// <summary>
/// Finds the kernel functions that a text means: a name, a glob, <c>name+offset</c>, an address, each with <c>module:</c> before it where a module's is meant. What cannot be probed is left
/// out of globs, and refused with its reason where it is named.
/// </summary>
internal sealed class KernelFunctionFinder
{
    private readonly byte[] _symbols;
    private readonly TraceableFunctions? _traceable;
    private readonly KprobeBlacklist? _blacklist;
    private readonly Func<VmlinuxBtf?> _types;
    private readonly DroppedCode _dropped;

    private KernelFunctionFinder(byte[] symbols, TraceableFunctions? traceable, KprobeBlacklist? blacklist, Func<VmlinuxBtf?> types) =>
        (_symbols, _traceable, _blacklist, _types, _dropped) = (symbols, traceable, blacklist, types, DroppedCode.Find(symbols));

    /// <summary>Reads the kernel's lists, as they are now; some 10 MB, which live as long as this.</summary>
    /// <exception cref="TargetException">The kernel tells no names.</exception>
    internal static KernelFunctionFinder Read(SystemCalls sys) =>
        new(
            KernelText.Read("/proc/kallsyms", sys) is { Length: > 0 } symbols ? symbols
                : throw new TargetException("/proc/kallsyms is empty or cannot be read: the kernel was built without CONFIG_KALLSYMS, or procfs is not mounted at /proc."),
            TraceableFunctions.Read(sys), KprobeBlacklist.Read(sys), () => VmlinuxBtf.TryRead(sys: sys));

    /// <param name="text">What the user wrote.</param>
    /// <param name="kind">What the functions are for.</param>
    /// <param name="mostFunctions">How many a glob may match.</param>
    /// <exception cref="TargetNotFoundException">There is no such function; with near names.</exception>
    /// <exception cref="TargetException">It cannot be probed, or too many match.</exception>
    internal KernelFunctionMatch Find(string text, KernelProbeKind kind, int mostFunctions)
    {
        var (module, query) = Parse(text);
        if (query.Address is { } address)
        {
            return At(address, text, kind);
        }

        var found = ImmutableArray.CreateBuilder<KernelFunction>();
        var seen = new HashSet<(string, ulong)>();
        var leftOut = 0;
        string? reason = null;
        for (var lines = new KernelSymbolLines(_symbols); lines.MoveNext();)
        {
            if (!lines.IsFunction || (module is not null && lines.Module != module) || !Matches(query, lines.Name))
            {
                continue;
            }

            var function = Describe(lines);
            if (!seen.Add(function.Address == 0 ? (function.Name, 0) : ("", function.Address)))
            {
                continue;
            }

            if (Refusal(function, kind, query.Glob is not null) is { } refusal)
            {
                leftOut++;
                reason ??= refusal;
                continue;
            }

            found.Add(function);
        }

        return found.Count > mostFunctions ? throw new TargetException(
                $"'{PrintableText.Escape(text)}' matches {found.Count} kernel functions, and {mostFunctions} are the most that are probed at once: narrow the glob, or raise the limit.")
            : found.Count > 0 ? new(found.ToImmutable(), query.Offset, leftOut)
            : leftOut > 0 ? throw new TargetException(query.Glob is null
                ? $"The kernel function '{PrintableText.Escape(text)}' cannot be probed. {reason}"
                : $"'{PrintableText.Escape(text)}' matches {leftOut} kernel function{(leftOut == 1 ? "" : "s")}, none of which can be probed. Of the first: {reason}")
            : throw NotFound(text, module, query);
    }

    private static (string? Module, SymbolQuery Query) Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var query = SymbolQuery.Parse(colon > 0 ? text[(colon + 1)..] : text);
        return (colon > 0 ? text[..colon] : null, query);
    }

    private static bool Matches(SymbolQuery query, ReadOnlySpan<byte> name) =>
        query.Glob is null ? name.SequenceEqual(query.NameBytes) : query.Glob.IsMatch(name) && name.IndexOf(".cold"u8) < 0;

    private KernelFunction Describe(in KernelSymbolLines lines)
    {
        var name = Encoding.UTF8.GetString(lines.Name);
        return new(name, lines.Address, lines.Module == KernelSymbolLines.Vmlinux ? null : lines.Module, _traceable?.Has(name, lines.Address));
    }

    /// <summary>Why a function cannot be probed; null where nothing is known against it.</summary>
    private string? Refusal(KernelFunction function, KernelProbeKind kind, bool isGlob) =>
        _dropped.Has(function.Address) ? "It is part of what the kernel drops after boot (__init)."
        : kind == KernelProbeKind.Kprobe && _blacklist?.Covers(function) == true ? KprobeBlacklist.Reason
        : function.IsTraceable == false && (isGlob || kind == KernelProbeKind.Tracing)
            ? $"ftrace leaves it out (notrace, or without its call), which {(kind == KernelProbeKind.Tracing ? "fentry needs: use a kprobe." : "many kprobes at once need: name it alone.")}"
        : null;

    private KernelFunctionMatch At(ulong address, string text, KernelProbeKind kind)
    {
        KernelFunction? nearest = null;
        for (var lines = new KernelSymbolLines(_symbols); lines.MoveNext();)
        {
            if (lines.IsFunction && lines.Address != 0 && lines.Address <= address && !(nearest?.Address >= lines.Address))
            {
                nearest = Describe(lines);
            }
        }

        return nearest is not { } function || (long)address >= 0 ? throw new TargetNotFoundException($"There is no kernel function at {PrintableText.Escape(text)}.", [])
            : Refusal(function, kind, isGlob: false) is { } refusal ? throw new TargetException($"The kernel function {PrintableText.Escape(function.Name)} at {PrintableText.Escape(text)} cannot be probed. {refusal}")
            : new([function], address - function.Address, 0);
    }

    private TargetNotFoundException NotFound(string text, string? module, SymbolQuery query)
    {
        var near = new NearMatches(query.Glob is null ? query.Name : query.Name.Trim('*', '?'));
        var prefix = Encoding.UTF8.GetBytes(query.Name + ".");
        var parts = new SortedSet<string>(StringComparer.Ordinal);
        var modules = new SortedSet<string>(StringComparer.Ordinal);
        var isData = false;
        for (var lines = new KernelSymbolLines(_symbols); lines.MoveNext();)
        {
            if (!lines.IsFunction)
            {
                isData |= query.Glob is null && !lines.IsText && lines.Name.SequenceEqual(query.NameBytes);
                continue;
            }

            near.Offer(Encoding.UTF8.GetString(lines.Name));
            if (query.Glob is null && lines.Name.StartsWith(prefix))
            {
                parts.Add(Encoding.UTF8.GetString(lines.Name));
            }

            if (module is not null && Matches(query, lines.Name))
            {
                modules.Add(lines.Module);
            }
        }

        var name = PrintableText.Escape(text);
        if (modules.Count > 0)
        {
            return new($"Module '{PrintableText.Escape(module!)}' has no function '{PrintableText.Escape(query.Name)}', or is not loaded; there is one in {PrintableText.Escape(string.Join(", ", modules))}.", []);
        }

        if (parts.Count > 0)
        {
            // Their arguments are not those of the source.
            var made = parts.Select(PrintableText.Escape).ToImmutableArray();
            return new($"The kernel has no function '{name}' of its own: the compiler made {NearMatches.Join(made)} of it. Probe that, and mind that its arguments may be others.", made);
        }

        var best = near.Best();
        var hint = best.IsEmpty ? "" : $" Did you mean {NearMatches.Join(best)}?";
        return new(
            isData ? $"'{name}' is data of the kernel, and no function.{hint}"
                : query.Glob is null && _types()?.FindFunction(query.Name) is not null ? $"The kernel has '{name}' in its types, and no code of that name: the compiler inlined it, or its module is not loaded.{hint}"
                : $"The kernel has no function {(query.Glob is null ? "" : "that matches ")}'{name}'; it may be inlined, or its module not loaded.{hint}",
            best);
    }
}
