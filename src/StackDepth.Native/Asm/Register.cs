namespace StackDepth.Native.Asm;

/// <summary>An eBPF register. R0 returns, R1 to R5 pass arguments and are lost in calls, R6 to R9 survive them, R10 is the frame pointer (read only).</summary>
internal enum Register : byte
{
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}
