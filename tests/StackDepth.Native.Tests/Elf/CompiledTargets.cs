using System.Diagnostics;

namespace StackDepth.Native.Tests.Elf;

/// <summary>A temporary folder in which tests build programs with the machine's own compiler and tools.</summary>
public sealed class CompiledTargets : IDisposable
{
    public CompiledTargets()
    {
        Folder = Directory.CreateTempSubdirectory("stackdepth-elf-").FullName;
    }

    public string Folder { get; }

    /// <summary>Skips for a tool that is missing, unless this machine is required to have all.</summary>
    public static void Require(string tool)
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Any(directory => File.Exists(Path.Join(directory, tool)));
        if (!found)
        {
            SkipOrFail($"{tool} is not installed");
        }
    }

    public static void SkipOrFail(string reason)
    {
        if (Environment.GetEnvironmentVariable("STACKDEPTH_REQUIRE") == "1")
        {
            Assert.Fail(reason);
        }

        Assert.Skip(reason);
    }

    public string Compile(string name, string source, params string[] arguments)
    {
        Require("gcc");
        var output = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        var file = $"{output}.c";
        File.WriteAllText(file, source);
        Run("gcc", ["-O1", "-o", output, file, .. arguments]);
        return output;
    }

    public string PathOf(string name) => Path.Join(Folder, name);

    public string WriteScript(string name, string text)
    {
        var path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return path;
    }

    public static string Run(string program, params string[] arguments)
    {
        Require(program);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors.Result}");
        return output;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
