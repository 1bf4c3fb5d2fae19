using System.Collections.Immutable;
using System.Globalization;

namespace StackDepth.Live.Tests.Pairs;

/// <summary>The questions, section by section. What is right follows from what the targets do (Targets/pairs.c, pairs-libc.c), said here in plain LINQ.</summary>
internal static partial class PairCorpus
{
    private const int Calls = 40, Levels = 8;
    private const string Do = "calls 40 8";

    /// <summary>The frames of leaf(): itself, descend() once more than it calls itself, start and _start.</summary>
    private const int Base = 4;

    internal static ImmutableArray<Pair> All { get; } = [.. Probes(), .. Filters(), .. Keys(), .. Aggregates(), .. Streams(), .. Several(), .. Wrong()];

    /// <summary>The calls of leaf(): its two arguments, the name of the thread, and the depth.</summary>
    private static IEnumerable<(int I, int Level, string Comm, int Depth)> Leaves => Enumerable.Range(0, Calls).Select(static i => (i, i % Levels, $"w{i % 3}", (i % Levels) + Base));

    /// <summary>Groups as <see cref="AnswerText"/> has them.</summary>
    private static Dictionary<object, object> By<T>(Func<(int I, int Level, string Comm, int Depth), object> key, Func<IEnumerable<(int I, int Level, string Comm, int Depth)>, T> value) =>
        Leaves.GroupBy(key).ToDictionary(static group => group.Key, group => (object)value(group)!);

    private static Dictionary<object, object> CountBy(Func<(int I, int Level, string Comm, int Depth), object> key) => By(key, static group => group.Count());

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Logarithmic buckets: 0, 1, 2 to 3, 4 to 7, and so on.</summary>
    private static string Log2(IEnumerable<long> values) => string.Join(", ", values.GroupBy(static value => value < 0 ? -1 : value == 0 ? 0 : 1L << (int)long.Log2(value)).OrderBy(static group => group.Key)
        .Select(static group => Text($"{(group.Key < 0 ? "below 0" : group.Key < 2 ? Text($"{group.Key}") : Text($"{group.Key} to {(2 * group.Key) - 1}"))}: {group.Count()}")));
}
