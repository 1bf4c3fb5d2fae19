using System.Diagnostics;

namespace StackDepth.Tool.Tests.Support;

/// <summary>Programs other than the tool.</summary>
internal static class Shell
{
    internal static async Task<ToolResult> RunAsync(string[] line, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(line[0], line[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new(process.ExitCode, output, await errors);
    }
}
