using System.Diagnostics;

namespace StackDepth.Benchmarks.Support;

/// <summary>A process that does what each line tells it, and answers each with a line. Kept on one CPU: what a walk remembers, it remembers by CPU.</summary>
internal sealed class LineTarget : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Process _process;

    internal LineTarget(params string[] command) => _process = Commands.Start(["taskset", "-c", (Environment.ProcessorCount - 1).ToString(System.Globalization.CultureInfo.InvariantCulture), .. command]);

    internal int ProcessId => _process.Id;

    internal string Ask(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
        var answer = _process.StandardOutput.ReadLineAsync();
        return answer.Wait(Patience) && answer.Result is { } text ? text : throw new InvalidOperationException($"The target did not answer: {line}");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(Patience))
            _process.Kill();
        _process.Dispose();
    }
}
