using System.Collections.Immutable;
using System.Numerics;

namespace StackDepth;

/// <summary>Count, extremes and mean of a stream of numbers: a <see cref="Summary{T}"/> without the distribution, for less memory per key.</summary>
/// <param name="Count">How many values there were.</param>
/// <param name="Min">The smallest value; null when there was none.</param>
/// <param name="Max">The greatest value; null when there was none.</param>
/// <param name="Mean">The arithmetic mean; null when there was none.</param>
public sealed record Stats<T>(long Count, T? Min, T? Max, double? Mean) : ITableColumns
    where T : struct, INumber<T>
{
    ImmutableArray<(string Name, object? Value)> ITableColumns.Columns => [("count", Count), ("min", Min), ("max", Max), ("mean", Mean)];
}
