namespace StackDepth.Native.Ring;

/// <summary>
/// How long to wait before looking at a ring again that nobody announces: 1 ms after records, doubled after each look that found none, 100 ms at most. The
/// default value is ready for use.
/// </summary>
internal struct PollPeriod
{
    private const int Shortest = 1;
    private const int Longest = 100;

    private int _milliseconds;

    /// <summary>The period to wait now.</summary>
    internal readonly TimeSpan Current => TimeSpan.FromMilliseconds(Math.Max(_milliseconds, Shortest));

    /// <summary>Sets the next period by what the last look found.</summary>
    /// <param name="found">Whether there were records.</param>
    internal void Next(bool found) => _milliseconds = found ? Shortest : Math.Min(Math.Max(_milliseconds, Shortest) * 2, Longest);
}
