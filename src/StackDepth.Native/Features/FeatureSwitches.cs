namespace StackDepth.Native.Features;

/// <summary>Features that are switched off although the kernel may have them, to exercise what is done without them.</summary>
internal readonly record struct FeatureSwitches(KernelFeatures Disabled)
{
    /// <summary>The environment variable that names features to switch off, separated by commas.</summary>
    internal const string Variable = "STACKDEPTH_DISABLE";

    internal bool IsEnabled(KernelFeatures feature) => (Disabled & feature) == 0;

    /// <summary>Reads <see cref="Variable"/>.</summary>
    /// <exception cref="ArgumentException">It names a feature that is not known: the caller would believe it off.</exception>
    internal static FeatureSwitches FromEnvironment() => Parse(Environment.GetEnvironmentVariable(Variable));

    internal static FeatureSwitches Parse(string? names)
    {
        var disabled = KernelFeatures.None;
        var text = names.AsSpan();
        foreach (var range in text.Split(','))
        {
            var name = text[range].Trim();
            if (!name.IsEmpty)
            {
                disabled |= KernelFeatureTable.Named(name) ?? throw new ArgumentException(
                    $"{Variable} names '{name}', which is no feature. Known: {string.Join(", ", KernelFeatureTable.Names)}.", nameof(names));
            }
        }

        return new FeatureSwitches(disabled);
    }
}
