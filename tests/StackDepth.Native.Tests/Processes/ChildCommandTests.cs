using System.Diagnostics;
using StackDepth.Native.Processes;

namespace StackDepth.Native.Tests.Processes;

public sealed class ChildCommandTests
{
    [Theory]
    [InlineData("")]
    [InlineData("  \t ")]
    [InlineData("a b\tc")]
    [InlineData(" a  b ")]
    [InlineData("\"a b\" c")]
    [InlineData("\"\" x \"\"")]
    [InlineData("a\"b c\"d")]
    [InlineData("\"a\"\"b\"")]
    [InlineData("\"a\"\"b c\" d")]
    [InlineData("\"\"\"\"")]
    [InlineData("\"\"\"a b\"")]
    [InlineData("a\\b \\\\c d\\")]
    [InlineData("\\\"a\\\"")]
    [InlineData("\"a\\\"b\" c")]
    [InlineData("\"a\\\\\" b")]
    [InlineData("a\\\\\\\"b c")]
    [InlineData("\"open end")]
    [InlineData("\"open \\")]
    [InlineData("'single quotes' are text")]
    [InlineData("new\nline")]
    [InlineData("ü \"漢 字\"")]
    public async Task A_command_line_splits_as_Process_Start_splits_it(string line)
    {
        const string Count = "/usr/bin/printf";
        using Process process = Process.Start(new ProcessStartInfo(Count, "%s\\0 x " + line) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(output.Split('\0')[..^1], CommandLine.Split("x " + line));
    }

    [Fact]
    public void A_start_info_becomes_a_command()
    {
        var info = new ProcessStartInfo("prog", ["a", "b c", ""]) { WorkingDirectory = "/tmp" };
        info.Environment["STACKDEPTH_X"] = "y";
        ChildCommand command = ChildCommand.From(info);

        Assert.Equal("prog", command.FileName);
        Assert.Equal(["a", "b c", ""], command.Arguments);
        Assert.Equal("/tmp", command.WorkingDirectory);
        Assert.Equal("y", command.Environment!["STACKDEPTH_X"]);
        Assert.Equal(ChildStream.Inherit, command.StandardOutput);

        command = ChildCommand.From(new ProcessStartInfo("prog", "a \"b c\" \"\""));
        Assert.Equal(["a", "b c", ""], command.Arguments);
        Assert.Null(command.WorkingDirectory);
    }

    [Fact]
    public void What_a_gated_child_cannot_do_is_refused()
    {
        Refused(new() { FileName = "" }, "FileName");
        Refused(new("x") { UseShellExecute = true }, "UseShellExecute");
        Refused(new("x") { RedirectStandardInput = true }, "RedirectStandardInput");
        Refused(new("x") { RedirectStandardOutput = true }, "console");
        Refused(new("x") { RedirectStandardError = true }, "RedirectStandardError");
        Refused(new("x") { UserName = "nobody" }, "UserName");
        Refused(new("x", ["a"]) { Arguments = "b" }, "ArgumentList");

        static void Refused(ProcessStartInfo info, string word) =>
            Assert.Contains(word, Assert.Throws<ArgumentException>(() => ChildCommand.From(info)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_found_along_a_path()
    {
        using var scratch = new Scratch();
        string first = Directory.CreateDirectory(scratch["first"]).FullName;
        string second = Directory.CreateDirectory(scratch["second"]).FullName;
        Directory.CreateDirectory(Path.Combine(first, "prog"));
        File.WriteAllText(Path.Combine(first, "text"), "");
        File.WriteAllText(Path.Combine(second, "prog"), "");
        Proc.MakeExecutable(Path.Combine(second, "prog"));

        Assert.Equal(Path.Combine(second, "prog"), Find("prog", $":{first}::/no/such:{second}"));
        Assert.Equal(Path.Combine(second, "prog"), Find("prog", "second:first"));
        Assert.Equal(Path.Combine(second, "prog"), Find("./second/prog", null));
        Assert.Throws<FileNotFoundException>(() => Find("text", first));
        Assert.Throws<FileNotFoundException>(() => Find("prog", ""));
        Assert.Throws<FileNotFoundException>(() => Find("..", second));
        Assert.NotNull(Find("sh", null));

        // The working directory is the command's own, where relative parts of the path begin too.
        string Find(string name, string? path) =>
            new ChildCommand
            {
                FileName = name,
                WorkingDirectory = Path.GetDirectoryName(first),
                Environment = path is null ? null : new Dictionary<string, string?> { ["PATH"] = path },
            }.ResolveFileName();
    }
}
