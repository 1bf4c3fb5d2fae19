namespace StackDepth.Native.Asm;

/// <summary>What the source register field of a 64-bit immediate load or of a call stands for.</summary>
internal static partial class Opcode
{
    /// <summary>64-bit load: imm is the descriptor of a map, replaced by the map's address.</summary>
    internal const byte BPF_PSEUDO_MAP_FD = 1;

    /// <summary>64-bit load: imm is the descriptor of a map, the next imm an offset into its (first) value.</summary>
    internal const byte BPF_PSEUDO_MAP_VALUE = 2;

    /// <summary>64-bit load: imm is the BTF id of a kernel variable, the next imm the descriptor of a module's BTF or 0.</summary>
    internal const byte BPF_PSEUDO_BTF_ID = 3;

    /// <summary>64-bit load: imm is the distance in slots to a function of the program, counted from the next slot.</summary>
    internal const byte BPF_PSEUDO_FUNC = 4;

    /// <summary>64-bit load: like <see cref="BPF_PSEUDO_MAP_FD"/>, by index into the load's <c>fd_array</c>.</summary>
    internal const byte BPF_PSEUDO_MAP_IDX = 5;

    /// <summary>64-bit load: like <see cref="BPF_PSEUDO_MAP_VALUE"/>, by index into the load's <c>fd_array</c>.</summary>
    internal const byte BPF_PSEUDO_MAP_IDX_VALUE = 6;

    /// <summary>Call: imm is the distance in slots to a function of the program, counted from the next slot.</summary>
    internal const byte BPF_PSEUDO_CALL = 1;

    /// <summary>Call: imm is the BTF id of a kernel function, the offset an index into the load's <c>fd_array</c> (0: vmlinux).</summary>
    internal const byte BPF_PSEUDO_KFUNC_CALL = 2;
}
