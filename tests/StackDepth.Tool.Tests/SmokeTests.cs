namespace StackDepth.Tool.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void The_runner_runs() => Assert.True(Environment.Version.Major >= 10);
}
