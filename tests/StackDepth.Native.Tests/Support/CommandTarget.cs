using System.Diagnostics;

namespace StackDepth.Native.Tests.Support;

/// <summary>A C program of a test's own, compiled once for each source, and a running process of it that answers a line to each line that it is told.</summary>
internal sealed class CommandTarget : IDisposable
{
    private readonly Process _process;

    private CommandTarget(string executable) =>
        _process = Process.Start(new ProcessStartInfo(executable) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    internal int Pid => _process.Id;

    /// <summary>Compiles a source to a file in a folder that goes when the tests end.</summary>
    internal static string Compile(string source, params string[] arguments)
    {
        Requires.Tool("gcc");
        var folder = Directory.CreateTempSubdirectory("stackdepth-target-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string file = Path.Combine(folder, "target.c"), binary = Path.Combine(folder, "target");
        File.WriteAllText(file, source);
        using var gcc = Process.Start(new ProcessStartInfo("gcc", ["-O1", "-o", binary, file, "-lpthread", .. arguments]) { RedirectStandardError = true })!;
        var errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, errors);
        return binary;
    }

    internal static CommandTarget Start(string executable) => new(executable);

    /// <summary>For what is not answered.</summary>
    internal void Tell(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    internal string Ask(string command)
    {
        Tell(command);
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The target ended.");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000))
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
