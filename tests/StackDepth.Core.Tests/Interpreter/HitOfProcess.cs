using StackDepth.Core.Tests.Interpreter;

namespace StackDepth.Tests.Generated;

internal sealed partial record Hit
{
    /// <summary>The process whose thread it is, where a program looks into it.</summary>
    internal SimulatedProcess? Process { get; init; }
}
