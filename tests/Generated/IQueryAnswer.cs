using StackDepth.Compile;
using StackDepth.Runtime;

namespace StackDepth.Tests.Generated;

/// <summary>What a compiled query has come to, as user space reads it.</summary>
internal interface IQueryAnswer
{
    CompiledQuery Compiled { get; }

    /// <summary>The records, in their order, as <see cref="WireText"/>; null where there is no ring buffer.</summary>
    IEnumerable<string>? Records { get; }

    /// <summary>Hits that needed a variable that was not set.</summary>
    long Unset { get; }

    long Counter(HealthCounter counter);

    /// <summary>The aggregates by key as <see cref="WireText"/>, as in <see cref="QueryModel.Groups"/>.</summary>
    Dictionary<string, AggregateValue> Groups();

    /// <summary>The places of kept hits that are taken, by key as the aggregates are.</summary>
    Dictionary<string, byte[][]> Kept();
}
