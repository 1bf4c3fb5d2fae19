using System.Diagnostics;
using System.Text;
using StackDepth.Live.Tests.Sources;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Rights;

/// <summary>What works with which rights, and what is said where it does not: the table of docs/security.md, by a process of an unprivileged user with exactly those capabilities.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class RightsTests(TracefsMount tracefs) : IClassFixture<TracefsMount>
{
    private const string Begin = "<!-- made by RightsTests -->", End = "<!-- end -->";

    private static readonly (string Title, string Capabilities)[] s_sets =
    [
        ("none", ""),
        ("CAP_BPF", "+bpf"),
        ("CAP_PERFMON", "+perfmon"),
        ("CAP_BPF, CAP_PERFMON", "+bpf,+perfmon"),
        ("and CAP_SYS_PTRACE", "+bpf,+perfmon,+sys_ptrace"),
        ("CAP_SYS_ADMIN", "+sys_admin"),
    ];

    [Fact]
    public async Task What_works_with_which_rights_is_what_the_document_says()
    {
        Assert.NotNull(tracefs);
        Requires.SysAdmin();
        Requires.That(Environment.IsPrivilegedProcess, "root");
        Requires.Tool("setpriv");
        // Sessions by perf events take other rights.
        Requires.Linux(6, 12);
        List<string> messages = [];
        var rows = RightsProbe.Features.ToDictionary(static feature => feature.Feature, static _ => new List<string>());
        foreach (var (_, capabilities) in s_sets)
        {
            foreach (var (feature, outcome) in await Ask(capabilities))
                rows[feature].Add(Cell(outcome, messages));
        }
        var table = new StringBuilder($"{Begin}\n| | {string.Join(" | ", s_sets.Select(static set => set.Title))} |\n|---|{string.Concat(s_sets.Select(static _ => "---|"))}\n");
        foreach (var (feature, cells) in rows)
            table.Append($"| {feature} | {string.Join(" | ", cells)} |\n");
        table.Append('\n');
        for (var number = 0; number < messages.Count; number++)
            table.Append($"{number + 1}. {messages[number]}\n");
        table.Append(End);

        var path = Path.Combine(Pairs.PairTests.Repository(), "docs", "security.md");
        var document = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        var (from, to) = (document.IndexOf(Begin, StringComparison.Ordinal), document.IndexOf(End, StringComparison.Ordinal) + End.Length);
        if (document[from..to] == table.ToString())
            return;
        if (Environment.GetEnvironmentVariable("STACKDEPTH_ACCEPT") == "1")
            await File.WriteAllTextAsync(path, document[..from] + table + document[to..], TestContext.Current.CancellationToken);
        Assert.Fail($"{path} says otherwise: STACKDEPTH_ACCEPT=1 rewrites its table (that run fails too); read it, and run again without. Now:\n{table}");
    }

    /// <summary>What works is named so; else the number of what is said first. The rest of a message is about the program and the call.</summary>
    private static string Cell(string outcome, List<string> messages)
    {
        if (outcome == RightsProbe.Works)
            return "yes";
        var general = outcome.IndexOf(". ", StringComparison.Ordinal) is > 0 and var end ? outcome[..(end + 1)] : outcome;
        if (!messages.Contains(general))
            messages.Add(general);
        return $"no ({messages.IndexOf(general) + 1})";
    }

    private static async Task<List<(string Feature, string Outcome)>> Ask(string capabilities)
    {
        var (target, usdt) = (CTarget.Named("rights"), UsdtTests.Program("-O2", hasSemaphores: true));
        var set = capabilities.Length == 0 ? "-all" : $"-all,{capabilities}";
        string[] rights = ["--reuid=65534", "--regid=65534", "--clear-groups", $"--inh-caps={set}", $"--ambient-caps={set}", $"--bounding-set={set}"];
        // The cache and the runtime's files belong to nobody's own folder.
        using var home = new Folder();
        File.SetUnixFileMode(home.FullName, (UnixFileMode)0x1FF);
        var start = new ProcessStartInfo("setpriv", [.. rights, "dotnet", typeof(RightsTests).Assembly.Location, RightsProbe.Command, target, usdt]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["HOME"] = home.FullName;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, output + await errors);
        List<(string, string)> outcomes = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(static line => line.Contains('\t', StringComparison.Ordinal)).Select(static line => line.Split('\t')).Select(static words => (words[0], words[1]))];
        Assert.Equal(RightsProbe.Features.Select(static feature => feature.Feature), outcomes.Select(static outcome => outcome.Item1));
        return outcomes;
    }
}
