using System.Collections;

namespace StackDepth;

/// <summary>How many stacks were not complete, by reason. Equal to another one with the same counts.</summary>
public sealed class StackReasonCounts : IReadOnlyCollection<KeyValuePair<StackReason, long>>, IEquatable<StackReasonCounts>
{
    private readonly long[] _counts = new long[Enum.GetValues<StackReason>().Length];

    /// <summary>Takes the counts by reason; those of one reason are added.</summary>
    /// <exception cref="ArgumentException">There is no such reason, or it is <see cref="StackReason.None"/>, which is none.</exception>
    public StackReasonCounts(params ReadOnlySpan<(StackReason Reason, long Count)> counts)
    {
        foreach (var (reason, count) in counts)
        {
            if (reason == StackReason.None || !Enum.IsDefined(reason))
                throw new ArgumentException($"{reason} is no reason for which a stack is not complete.", nameof(counts));
            _counts[(int)reason] += count;
        }
    }

    /// <summary>No reason at all.</summary>
    public static StackReasonCounts Empty { get; } = new();

    /// <summary>How many stacks had this reason; 0 when none had it.</summary>
    public long this[StackReason reason] => (uint)reason < (uint)_counts.Length ? _counts[(int)reason] : 0;

    /// <summary>How many reasons there were.</summary>
    public int Count => _counts.Count(static count => count != 0);

    /// <summary>The reasons that there were, in the order of <see cref="StackReason"/>.</summary>
    public IEnumerator<KeyValuePair<StackReason, long>> GetEnumerator()
    {
        for (var reason = 0; reason < _counts.Length; reason++)
        {
            if (_counts[reason] != 0)
                yield return new((StackReason)reason, _counts[reason]);
        }
    }

    /// <inheritdoc />
    public bool Equals(StackReasonCounts? other) => other is not null && _counts.AsSpan().SequenceEqual(other._counts);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as StackReasonCounts);

    /// <inheritdoc />
    public override int GetHashCode() => _counts.Aggregate(17, HashCode.Combine);

    /// <summary>The reasons as <c>Reason: count</c>.</summary>
    public override string ToString() => string.Join(", ", this.Select(static pair => $"{pair.Key}: {pair.Value}"));

    /// <summary>How many stacks had a reason of this kind.</summary>
    internal long Of(Completeness completeness) => this.Where(pair => pair.Key.Completeness() == completeness).Sum(static pair => pair.Value);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
