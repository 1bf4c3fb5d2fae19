using System.Collections.Immutable;
using System.Numerics;

namespace StackDepth;

/// <summary>Count, extremes, mean and distribution of a stream of numbers.</summary>
/// <param name="Count">How many values there were.</param>
/// <param name="Min">The smallest value; null when there was none.</param>
/// <param name="Max">The greatest value; null when there was none.</param>
/// <param name="Mean">The arithmetic mean; null when there was none.</param>
/// <param name="Histogram">The distribution by powers of two.</param>
public sealed record Summary<T>(long Count, T? Min, T? Max, double? Mean, Histogram Histogram) : ITableColumns
    where T : struct, INumber<T>
{
    ImmutableArray<(string Name, object? Value)> ITableColumns.Columns => [("count", Count), ("min", Min), ("max", Max), ("mean", Mean), ("histogram", Histogram)];
}
