using StackDepth.Native.Elf;

namespace StackDepth.Native.Symbols;

/// <summary>
/// Tells the code to which a signal handler returns: it makes the rt_sigreturn system call. Its address is on the stack because the kernel put it there; no call is before it, so
/// neither it nor the address where the signal came is a return address. Told by its instructions, as debuggers do: a stripped libc has no name for it.
/// </summary>
internal static class SignalTrampoline
{
    internal const int Length = 9;

    // mov $15, %rax; syscall. The first can also be mov $15, %eax.
    private static ReadOnlySpan<byte> X64 => [0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05];

    private static ReadOnlySpan<byte> X64Short => [0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05];

    // mov x8, #139; svc #0.
    private static ReadOnlySpan<byte> Arm64 => [0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4];

    /// <summary>Whether the code that begins here is one.</summary>
    internal static bool IsAt(ReadOnlySpan<byte> code, ushort machine) => machine switch
    {
        ElfConstants.MachineX64 => code.StartsWith(X64) || code.StartsWith(X64Short),
        ElfConstants.MachineArm64 => code.StartsWith(Arm64),
        _ => false,
    };
}
