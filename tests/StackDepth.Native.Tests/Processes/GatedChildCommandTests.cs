using System.Collections.Immutable;
using System.Globalization;
using StackDepth.Native.Processes;

namespace StackDepth.Native.Tests.Processes;

public sealed class GatedChildCommandTests
{
    private static async Task<string[]> Lines(Scratch scratch, ChildCommand command)
    {
        Assert.Equal(new ChildExit(0, null), await Commands.Run(command));
        return await File.ReadAllLinesAsync(scratch["out"], TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Arguments_arrive_as_they_are()
    {
        using var scratch = new Scratch();
        string[] arguments = ["", " ", "two words", "\"quoted\"", "'single'", "back\\slash\\", "$HOME `id` *", "ünïcødé 漢字 🜲", "-x", new string('a', 100_000)];
        Assert.Equal(arguments, await Lines(scratch, Commands.Shell("out=$1; shift; printf '%s\\n' \"$@\" > \"$out\"", [scratch["out"], .. arguments])));
    }

    [Fact]
    public async Task The_program_sees_the_name_it_was_given()
    {
        using var scratch = new Scratch();
        var command = new ChildCommand { FileName = "/bin/sh", Argv0 = "a name", Arguments = ["-c", "tr '\\0' '\\n' < /proc/$$/cmdline | head -n 1 > \"$0\"", scratch["out"]] };
        Assert.Equal(["a name"], await Lines(scratch, command));
        Assert.Equal(["sh"], await Lines(scratch, command with { FileName = "sh", Argv0 = null }));
    }

    [Fact]
    public async Task The_environment_is_inherited_or_replaced()
    {
        using var scratch = new Scratch();
        string name = $"STACKDEPTH_{Guid.NewGuid():N}";
        Environment.SetEnvironmentVariable(name, "set by .NET");
        ChildCommand command = Commands.Shell("tr '\\0' '\\n' < /proc/$$/environ > \"$1\"", scratch["out"]);
        Assert.Contains($"{name}=set by .NET", await Lines(scratch, command));
        Environment.SetEnvironmentVariable(name, null);

        var variables = new Dictionary<string, string?> { ["A"] = "1", ["Ä"] = "x=y z", ["EMPTY"] = "", ["UNSET"] = null };
        Assert.Equal(["A=1", "EMPTY=", "Ä=x=y z"], (await Lines(scratch, command with { Environment = variables })).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_working_directory_is_entered_and_ours_stays()
    {
        using var scratch = new Scratch();
        string before = Environment.CurrentDirectory;
        Assert.Equal([scratch.Root], await Lines(scratch, Commands.Shell("pwd > out") with { WorkingDirectory = scratch.Root }));
        Assert.Equal(before, Environment.CurrentDirectory);
    }

    [Fact]
    public async Task Standard_output_goes_where_it_is_told()
    {
        using var scratch = new Scratch();
        string[] ours = [.. Enumerable.Range(0, 3).Select(n => new FileInfo(Gate.PathOf(n)).LinkTarget ?? "")];
        const string Script = "a=$(readlink /proc/$$/fd/0) b=$(readlink /proc/$$/fd/1) c=$(readlink /proc/$$/fd/2); printf '%s\\n' \"$a\" \"$b\" \"$c\" > \"$1\"";
        ChildCommand command = Commands.Shell(Script, scratch["out"]);
        Assert.Equal(ours, await Lines(scratch, command));
        Assert.Equal([ours[0], "/dev/null", ours[2]], await Lines(scratch, command with { StandardOutput = ChildStream.Null }));
        Assert.Equal([ours[0], ours[2], ours[2]], await Lines(scratch, command with { StandardOutput = ChildStream.ToStandardError }));
    }

    [Fact]
    public async Task The_program_has_no_descriptor_that_is_not_meant_for_it()
    {
        using var scratch = new Scratch();
        using FileStream own = File.OpenRead("/dev/null");
        string[] expected = [.. InheritableDescriptors.Find().Union([0, 1, 2]).Order().Select(fd => fd.ToString(CultureInfo.InvariantCulture))];
        string[] lines = await Lines(scratch, Commands.Shell("(exec ls /proc/$$/fd) > \"$1\"; true", scratch["out"]));
        Assert.Equal(expected, lines.OrderBy(line => int.Parse(line, null)));
    }

    [Fact]
    public void A_gated_child_holds_none_of_our_descriptors_open()
    {
        using FileStream own = File.OpenRead("/dev/null");
        using GatedChild child = GatedChild.Start(Commands.Shell("true"));
        int[] held = [.. Directory.EnumerateFiles($"/proc/{child.Pid}/fd").Select(path => int.Parse(Path.GetFileName(path), null)).Where(fd => fd > 2)];
        Assert.DoesNotContain((int)own.SafeFileHandle.DangerousGetHandle(), held);
        Assert.Equal(3, held.Except(InheritableDescriptors.Find()).Count()); // the door, the bell and the end of the watch's pipe
    }

    [Fact]
    public async Task The_program_starts_with_default_signals_and_none_blocked()
    {
        using var scratch = new Scratch();
        string[] lines = await Lines(scratch, Commands.Shell("exec cat /proc/self/status > \"$1\"", scratch["out"]));
        string ours = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        ulong ignored = ulong.Parse(ours.AsSpan(7).Trim(), NumberStyles.HexNumber, null) & ~(1UL << 12); // SIGPIPE

        Assert.Equal(
            [$"SigPnd:\t{0:x16}", $"ShdPnd:\t{0:x16}", $"SigBlk:\t{0:x16}", $"SigIgn:\t{ignored:x16}", $"SigCgt:\t{0:x16}"],
            lines.Where(line => line.Split(':')[0] is "SigPnd" or "ShdPnd" or "SigBlk" or "SigIgn" or "SigCgt"));
    }

    [Fact]
    public async Task The_process_group_and_the_session_are_ours()
    {
        using var scratch = new Scratch();
        string[] lines = await Lines(scratch, Commands.Shell("exec cut -d ' ' -f 5,6,7 /proc/self/stat > \"$1\"", scratch["out"]));
        string stat = await File.ReadAllTextAsync("/proc/self/stat", TestContext.Current.CancellationToken);
        Assert.Equal(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[2..5], lines[0].Split(' '));
    }

    [Fact]
    public void Strings_that_no_program_can_receive_are_refused()
    {
        ChildCommand command = Commands.Shell("true");
        Assert.Throws<ArgumentException>(() => GatedChild.Start(command with { Arguments = ["a\0b"] }));
        Assert.Throws<ArgumentException>(() => GatedChild.Start(command with { FileName = "/bin/\0" }));
        Assert.Throws<ArgumentException>(() => GatedChild.Start(command with { Environment = ImmutableDictionary<string, string?>.Empty.Add("A=B", "C") }));
        Assert.Throws<ArgumentException>(() => GatedChild.Start(command with { Environment = ImmutableDictionary<string, string?>.Empty.Add("", "C") }));
    }
}
