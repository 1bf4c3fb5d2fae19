using StackDepth.Tool.Running;

namespace StackDepth.Tool.Output;

/// <summary>The health in plain words, first what is wrong with the total itself.</summary>
internal static class HealthLine
{
    internal static string Of(RunReport report)
    {
        var text = OptionNames.In(report.Health.ToString());
        return report.IsTotalPartial ? $"the total is over the groups that fitted only, and may be too small; {text}" : text;
    }
}
