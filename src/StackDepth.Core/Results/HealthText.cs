using System.Globalization;

namespace StackDepth;

/// <summary>Says in plain words what a <see cref="ProbeHealth"/> means for the result.</summary>
internal static class HealthText
{
    internal static string Describe(ProbeHealth health)
    {
        if (health.Hits == 0 && health.Missed == 0 && health.StackErrors == 0 && health.Undecided == 0 && health.ReadErrors == 0)
        {
            if (health.Unset > 0)
                return $"no hits: {Number(health.Unset)} hits needed a variable that was not set.";
            // Stacks are walked before the last filter has decided, when it asks for them: then somebody did run through the probes.
            return Stacks(health) > 0
                ? $"no hits: the query's filters let none of the hits pass whose stacks they looked at ({Number(Stacks(health))} stacks)."
                : "no hits: the probes were in place, and no observed process ran through them, or the query's filters let no hit pass.";
        }
        List<string> sentences = [];
        Add(sentences, health.Truncated, "{0} of {1} stacks were cut at the walk's limit: their true depth may be greater", health, Completeness.Truncated);
        Add(sentences, health.Broken, "{0} of {1} stacks ended without a proof that the outermost frame was reached: their depth is what the walk saw, and may be wrong, mostly too small", health, Completeness.Broken);
        Add(sentences, health.Approximate, "{0} of {1} stacks needed a guess: their depth may be too small or too great", health, Completeness.Approximate);
        Add(sentences, health.Undecided, "{0} hits are in no result, as their incomplete stacks leave open how their depth compares", health);
        Add(sentences, health.StackErrors, "{0} stacks could not be walked and are in no result", health);
        Add(sentences, health.ReadErrors, "{0} hits are in no result, as a text or an argument of theirs could not be read", health);
        Add(sentences, health.Missed, "{0} hits were missed", health);
        Add(sentences, health.Dropped, "{0} values were dropped: the ring buffer was full, or other hits came between too often", health);
        Add(sentences, health.KeysLost, "{0} hits had a key that found no room (raise MaxKeys; a burst of new keys can outrun the kernel's allocator too)", health);
        var verdict = sentences.Count == 0 ? "exact: nothing was lost" + (Stacks(health) > 0 ? " and every stack is complete" : "")
            : health.Truncated + health.Broken + health.Approximate == 0 ? "incomplete"
            : "not proved";
        var unset = health.Unset == 0 ? "" : $" {Number(health.Unset)} hits needed a variable that was not set, and are in no result.";
        return (sentences.Count == 0 ? verdict + "." : $"{verdict}: {string.Join("; ", sentences)}.") + unset;
    }

    /// <summary>The reason in words, to stand behind "n stacks:".</summary>
    internal static string Describe(StackReason reason) => reason switch
    {
        StackReason.NoProof => "this walk finds no proof there",
        StackReason.UnmappedCode => "a return address in no executable mapping",
        StackReason.TablePending => "the unwind rows of a file were not loaded yet",
        StackReason.TableUnusable => "the unwind rows of a file could not be had",
        StackReason.UnsupportedRule => "an unwind rule that the walk cannot express",
        StackReason.ReadFailed => "memory of the stack could not be read",
        StackReason.Corrupt => "a chain of frames that does not ascend",
        StackReason.SignalLimit => "too many signal frames within each other",
        StackReason.GuessFailed => "the chain was lost after a step that had to guess",
        StackReason.MappingBusy => "the kernel could not look up a mapping just then",
        StackReason.Running => "a thread that kept running",
        StackReason.FrameLimit => "the limit of frames",
        StackReason.UnprovedLimit => "the limit of a walk that proves no step",
        StackReason.ForeignStack => "a stack that is none of the thread's own",
        StackReason.InterruptedStack => "activations on the stack that a signal interrupted",
        StackReason.UnprovedActivation => "activations that are not proved to be live",
        StackReason.UnseenEntries => "activations may be live that began before the probes were in place, or before a fork",
        StackReason.LostEntries => "no memory for an activation",
        StackReason.FramePointerStep => "a step by frame pointer through code that is not proved to keep it",
        StackReason.PythonPending => "where the process's Python is was not known yet",
        StackReason.PythonAbsent => "no CPython was found in the process",
        StackReason.PythonUnsupported => "a Python whose structures are not known",
        StackReason.PythonBusy => "the interpreter's list of threads changed meanwhile",
        StackReason.PythonGuess => "several interpreters' frames, and no telling which are current",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "This is no reason for which a stack is not complete."),
    };

    private static long Stacks(ProbeHealth health) => health.Complete + health.Truncated + health.Broken + health.Approximate;

    private static void Add(List<string> sentences, long count, string format, ProbeHealth health, Completeness? reasons = null)
    {
        if (count == 0)
            return;
        var sentence = string.Format(CultureInfo.InvariantCulture, format, Number(count), Number(Stacks(health)));
        // A kind that has one reason only says it in its sentence.
        if (reasons is Completeness.Broken && string.Join(", ", health.Reasons.Where(pair => pair.Key.Completeness() == reasons).Select(static pair => $"{Number(pair.Value)}: {Describe(pair.Key)}")) is { Length: > 0 } why)
            sentence += $" ({why})";
        sentences.Add(sentence);
    }

    private static string Number(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
