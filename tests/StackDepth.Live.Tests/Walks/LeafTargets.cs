namespace StackDepth.Live.Tests.Walks;

/// <summary>Probes at functions that begin with anything, and in the middle of one: the same recursion, with frame pointers and without.</summary>
internal static class LeafTargets
{
    /// <summary>Functions of walk.c by their first instruction.</summary>
    private static readonly string[] Leaves = ["endbr", "rbx", "r12", "lea", "sub", "nop", "xor", "jump", "ret"];

    // Behind push %rbp, push %rbx and sub; at add, at ret.
    private static readonly string[] Middle = ["+1", "+2", "+6", "+10", "+16"];

    internal static IEnumerable<WalkTarget> All { get; } =
    [
        .. Leaves.SelectMany(static leaf => new[] { Target("leaf_" + leaf, "", false), Target("leaf_" + leaf, "", true) }),
        // A nop of five bytes cannot be probed on every kernel; what follows it can.
        Target("leaf_nop5", "+5", false),
        .. Middle.SelectMany(static offset => new[] { Target("leaf_mid", offset, false), Target("leaf_mid", offset, true) }),
    ];

    private static WalkTarget Target(string leaf, string offset, bool framePointers) =>
        NativeTargets.Native(
            $"{leaf}{offset}{(framePointers ? "/fp" : "")}",
            "plain",
            () => framePointers ? NativeTargets.Recurse("fp", "-O2", "-fno-omit-frame-pointer", "-DFRAME_POINTERS") : NativeTargets.Recurse("O2", "-O2", "-fomit-frame-pointer"),
            leaf) with
        {
            Probe = leaf + offset,
            Depths = [10, 100],
            BaseOf = framePointers ? leaf + offset : null,
            // The kernel finds the caller only where the first instruction is push %rbp (6.12), or endbr64 if it is built with CONFIG_X86_KERNEL_IBT.
            KernelMisses = !framePointers || offset.Length > 0 || leaf == "leaf_endbr" ? null : 3,
        };
}
