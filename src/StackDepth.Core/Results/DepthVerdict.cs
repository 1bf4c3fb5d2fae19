using System.Numerics;

namespace StackDepth;

/// <summary>Whether stacks were at most as deep as a limit.</summary>
public enum DepthVerdict
{
    /// <summary>It cannot be told: the stacks, or hits that were lost, leave it open. <see cref="ProbeHealth.ToString"/> says why.</summary>
    Undecided,

    /// <summary>No stack was deeper.</summary>
    Within,

    /// <summary>A stack was deeper.</summary>
    Exceeds,
}

/// <summary>Compares the depths of a run with a limit, as a test would: see <see cref="ProbeHealth.Decide"/>.</summary>
public static class DepthLimits
{
    extension<T>(ProbeRun<T?> run)
        where T : struct, INumber<T>
    {
        /// <summary>Whether the maximum that the run measured is at most <paramref name="limit"/>. For a query that ends in <c>Max()</c>.</summary>
        public DepthVerdict IsAtMost(T limit) => run.Health.Decide(Whole(run.Result), long.CreateChecked(limit));
    }

    extension<T>(ProbeRun<Summary<T>> run)
        where T : struct, INumber<T>
    {
        /// <summary>Whether the maximum that the run measured is at most <paramref name="limit"/>. For a query that ends in <c>Summary()</c>.</summary>
        public DepthVerdict IsAtMost(T limit) => run.Health.Decide(Whole(run.Result.Max), long.CreateChecked(limit));
    }

    private static long? Whole<T>(T? value)
        where T : struct, INumber<T> => value is { } number ? long.CreateChecked(number) : null;
}
