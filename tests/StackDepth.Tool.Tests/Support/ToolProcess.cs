using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace StackDepth.Tool.Tests.Support;

/// <summary>What came of a run of the tool.</summary>
internal sealed record ToolResult(int Status, string Output, string Errors)
{
    /// <summary>Standard output as the one JSON object that it is to be.</summary>
    internal JsonElement Json
    {
        get
        {
            Assert.True(Output.EndsWith('\n') && Output.IndexOf('\n') == Output.Length - 1, $"Not one line: {Output}\n{Errors}");
            using var document = JsonDocument.Parse(Output);
            return document.RootElement.Clone();
        }
    }
}

/// <summary>The built tool as a process of its own.</summary>
internal sealed class ToolProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly Task<string> _output;
    private readonly Task _errorReader;
    private readonly List<(string Text, TaskCompletionSource Seen)> _awaited = [];

    private ToolProcess(ProcessStartInfo start, string? input)
    {
        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _errorReader = Task.Run(ReadErrorsAsync);
        _process.StandardInput.Write(input);
        _process.StandardInput.Close();
    }

    /// <summary>How the tool is started: the build beside the tests, or the executable that STACKDEPTH_TOOL names (a published one).</summary>
    internal static string[] Line { get; } = Environment.GetEnvironmentVariable("STACKDEPTH_TOOL") is { Length: > 0 } published
        ? [published]
        : [Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet", Path.Join(AppContext.BaseDirectory, "StackDepth.Tool.dll")];

    internal static Task<ToolResult> RunAsync(params string[] arguments) => RunAsync(arguments, null, null);

    internal static async Task<ToolResult> RunAsync(string[] arguments, string? input, Dictionary<string, string>? environment, string[]? launcher = null)
    {
        await using var tool = Start(arguments, input, environment, launcher);
        return await tool.EndAsync();
    }

    internal static ToolProcess Start(string[] arguments, string? input = null, Dictionary<string, string>? environment = null, string[]? launcher = null)
    {
        // Whoever runs the tests in the background of a script ignores SIGINT for them, and what is ignored is inherited.
        string[] line = [.. launcher ?? ["env", "--default-signal=INT,HUP,TERM"], .. Line, .. arguments];
        var start = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = new UTF8Encoding(false),
        };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        return new(start, input);
    }

    internal int Pid => _process.Id;

    /// <summary>Completes when standard error has shown <paramref name="text"/>; fails when the tool ends without.</summary>
    internal Task SeesAsync(string text)
    {
        lock (_errors)
        {
            if (_errors.ToString().Contains(text, StringComparison.Ordinal))
                return Task.CompletedTask;
            var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_errorReader.IsCompleted)
                seen.SetException(new InvalidOperationException($"The tool ended without '{text}': {_errors}"));
            else
                _awaited.Add((text, seen));
            return seen.Task.WaitAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Sends the signal to the tool alone, as <c>kill</c> does; Ctrl-C at a terminal would reach the command too.</summary>
    internal void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    internal async Task<ToolResult> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var output = await _output.WaitAsync(TestContext.Current.CancellationToken);
        await _errorReader.WaitAsync(TestContext.Current.CancellationToken);
        return new(_process.ExitCode, output, _errors.ToString());
    }

    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors)
            {
                _errors.AppendLine(line);
                _awaited.RemoveAll(awaited => line.Contains(awaited.Text, StringComparison.Ordinal) && awaited.Seen.TrySetResult());
            }
        }
        lock (_errors)
            _awaited.ForEach(awaited => awaited.Seen.TrySetException(new InvalidOperationException($"The tool ended without '{awaited.Text}': {_errors}")));
    }
}
