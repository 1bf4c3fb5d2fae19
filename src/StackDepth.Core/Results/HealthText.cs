using System.Globalization;

namespace StackDepth;

/// <summary>Says in plain words what a <see cref="ProbeHealth"/> means for the result.</summary>
internal static class HealthText
{
    internal static string Describe(ProbeHealth health)
    {
        if (health.Hits == 0 && health.Missed == 0 && health.StackErrors == 0)
        {
            // Stacks are walked before the last filter has decided, when it asks for them: then somebody did run through the probes.
            return Stacks(health) > 0
                ? $"no hits: the query's filters let none of the {Number(Stacks(health))} hits pass whose stacks they looked at."
                : "no hits: the probes were in place, and no observed process ran through them, or the query's filters let no hit pass.";
        }
        List<string> sentences = [];
        Add(sentences, health.Truncated, "{0} of {1} stacks were cut at the walk's limit: their true depth may be greater", health);
        Add(sentences, health.Broken, "{0} of {1} stacks ended without a proof that the outermost frame was reached: their depth is what the walk saw, and may be too small", health);
        Add(sentences, health.Approximate, "{0} of {1} stacks needed a guess", health);
        Add(sentences, health.StackErrors, "{0} stacks could not be walked and are in no result", health);
        Add(sentences, health.Missed, "{0} hits were missed", health);
        Add(sentences, health.Dropped, "{0} values were dropped: the ring buffer was full, or other hits came between too often", health);
        Add(sentences, health.KeysLost, "{0} hits had a key that found no room (raise MaxKeys; a burst of new keys can outrun the kernel's allocator too)", health);
        var verdict = sentences.Count == 0 ? "exact: nothing was lost" + (Stacks(health) > 0 ? " and every stack is complete" : "")
            : health.Truncated + health.Broken + health.Approximate == 0 ? "incomplete"
            : "not proved";
        return sentences.Count == 0 ? verdict + "." : $"{verdict}: {string.Join("; ", sentences)}.";
    }

    private static long Stacks(ProbeHealth health) => health.Complete + health.Truncated + health.Broken + health.Approximate;

    private static void Add(List<string> sentences, long count, string format, ProbeHealth health)
    {
        if (count != 0)
            sentences.Add(string.Format(CultureInfo.InvariantCulture, format, Number(count), Number(Stacks(health))));
    }

    private static string Number(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
