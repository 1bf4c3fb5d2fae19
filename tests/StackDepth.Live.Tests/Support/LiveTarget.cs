using System.Diagnostics;

namespace StackDepth.Live.Tests.Support;

/// <summary>A running target that does what it is told, line by line.</summary>
internal sealed class LiveTarget : IDisposable
{
    private readonly Process _process;

    internal LiveTarget(string? program = null, params string[] arguments) =>
        _process = Process.Start(new ProcessStartInfo(program ?? CTarget.Shared, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    internal int Pid => _process.Id;

    /// <summary>Runs a command to its end; answers the lines that it wrote.</summary>
    internal string[] Ask(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        List<string> lines = [];
        while (true)
        {
            var line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The target ended at: {command}");
            if (line == "ok")
                return [.. lines];
            lines.Add(line);
        }
    }

    internal Report Do(string command) => Report.Parse(Ask(command));

    internal Task<Report> DoAsync(string command) => Task.Run(() => Do(command));

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000))
            _process.Kill();
        _process.Dispose();
    }
}
