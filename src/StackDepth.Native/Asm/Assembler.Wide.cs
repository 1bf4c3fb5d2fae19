using static StackDepth.Native.Asm.Opcode;

namespace StackDepth.Native.Asm;

/// <summary>64-bit immediate loads: constants, maps, functions, kernel variables. Each takes two slots.</summary>
internal sealed partial class Assembler
{
    /// <summary>Loads a 64-bit constant; <see cref="Mov(Register, int)"/> is shorter for what fits 32 bits signed.</summary>
    internal void LoadImmediate64(Register dst, long value) => Wide(dst, 0, value);

    /// <summary>Loads the address of a map, as helpers want it. The name is symbolic until load.</summary>
    internal void LoadMap(Register dst, string map) => WideMap(dst, BPF_PSEUDO_MAP_FD, map, 0);

    /// <summary>Loads the address of byte <paramref name="offset"/> of the value at index 0 of an array map (Linux 5.2).</summary>
    internal void LoadMapValue(Register dst, string map, int offset)
    {
        if (offset < 0)
            Error($"offset {offset} lies before the map's value");
        WideMap(dst, BPF_PSEUDO_MAP_VALUE, map, (long)offset << 32);
    }

    /// <summary>Loads a pointer to a function of this program, as a callback (Linux 5.13; the load must bring BTF func_info).</summary>
    internal void LoadFunction(Register dst, Label function) =>
        EmitReference(new Instruction { Code = LoadImmediate64Code, Dst = Writable(dst), Src = (Register)BPF_PSEUDO_FUNC },
            ReferenceKind.LoadFunction, function);

    /// <summary>Loads the address of a kernel variable by its BTF id; <paramref name="btfFd"/> is the descriptor of a module's BTF, or 0 for vmlinux.</summary>
    internal void LoadBtfId(Register dst, int btfId, int btfFd = 0)
    {
        if (btfId <= 0 || btfFd < 0)
            Error($"BTF id {btfId} in BTF descriptor {btfFd} is no variable; ids begin at 1, descriptors at 0");
        Wide(dst, BPF_PSEUDO_BTF_ID, (long)btfFd << 32 | (uint)btfId);
    }

    private void WideMap(Register dst, byte kind, string map, long value)
    {
        if (string.IsNullOrEmpty(map))
            Error("a map needs a name");
        Wide(dst, kind, value, map);
    }

    private void Wide(Register dst, byte kind, long value, string? map = null) =>
        Emit(new Instruction { Code = LoadImmediate64Code, Dst = Writable(dst), Src = (Register)kind, Immediate = value, Map = map });
}
