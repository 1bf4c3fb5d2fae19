namespace StackDepth.Tool.Output;

/// <summary>The library's messages name its options as a program writes them; the tool's user writes them on the command line.</summary>
internal static class OptionNames
{
    internal static string In(string message) => message
        .Replace("set AttachOptions.Walk to StackWalk.Kernel", "write --walk kernel", StringComparison.Ordinal)
        .Replace("AttachOptions.MaxFunctions", "--max-functions", StringComparison.Ordinal)
        .Replace("raise MaxKeys", "raise --max-keys", StringComparison.Ordinal);
}
