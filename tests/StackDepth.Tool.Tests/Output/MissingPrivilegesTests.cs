using StackDepth.Tool.Diagnostics;

namespace StackDepth.Tool.Tests.Output;

public sealed class MissingPrivilegesTests
{
    [Fact]
    public void The_remedy_names_the_executable_that_runs() => Assert.StartsWith(
        "No privilege: CAP_BPF and CAP_PERFMON are missing. Run it as root, or grant it to the tool: sudo setcap cap_bpf,cap_perfmon+ep '/opt/stackdepth'\nIt failed.",
        MissingPrivileges.Sentence(["CAP_BPF", "CAP_PERFMON"], "/opt/stackdepth", "It failed."), StringComparison.Ordinal);

    [Fact]
    public void Nobody_is_told_to_grant_it_to_every_program_of_dotnet()
    {
        var sentence = MissingPrivileges.Sentence(["CAP_BPF"], "/usr/bin/dotnet", "It failed.");

        Assert.StartsWith("No privilege: CAP_BPF is missing. ", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("sudo setcap", sentence, StringComparison.Ordinal);
    }
}
