namespace StackDepth.Ir;

/// <summary>Whether the thread is in a cgroup of version 2, or in one below it.</summary>
/// <param name="Path">Its folder, as the user wrote it.</param>
internal sealed record IrInCgroup(string Path) : IrExpression(IrType.Boolean);
