using System.Globalization;

namespace StackDepth.Fuzz;

/// <summary>"instrument FOLDER", then "check FINDINGS" and "run SECONDS CORPUS FINDINGS SEED [keep] [TARGET...]" by the copy in the folder (tests/fuzz/run.sh).</summary>
internal static class Program
{
    private const int MostKeptBytes = 2048;

    private static int Main(string[] args) => args switch
    {
        ["instrument", var folder] => Instrument(folder),
        ["check", var findings] => Check(findings),
        ["run", var seconds, var corpus, var findings, var seed, .. var rest] => Run(TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)), corpus, findings, int.Parse(seed, CultureInfo.InvariantCulture), rest),
        _ => throw new ArgumentException("Write: instrument FOLDER; or run SECONDS CORPUS FINDINGS SEED [keep] [TARGET...]."),
    };

    /// <summary>Nothing of the libraries is loaded here: they are changed on disk.</summary>
    private static int Instrument(string folder)
    {
        foreach (var library in (string[])["StackDepth.Native.dll", "StackDepth.Tool.dll"])
            SharpFuzz.Fuzzer.Instrument(Path.Combine(folder, library), static _ => true, SharpFuzz.Options.Value);
        return 0;
    }

    /// <summary>Whether the fuzzer finds what is there to be found: a parser whose own errors count as findings, behind several branches, and inputs that are kept because they take new ones.</summary>
    private static int Check(string findings)
    {
        Coverage.Begin();
        var spoilt = FuzzTargets.All.Single(static target => target.Name == "where") with { Name = "check", Expects = static error => !error.Message.Contains("quote", StringComparison.OrdinalIgnoreCase) };
        var figures = new Fuzzer(spoilt, Path.Combine(findings, "no-corpus"), Path.Combine(findings, "check"), seed: 1).Run(TimeSpan.FromSeconds(2));
        Directory.Delete(Path.Combine(findings, "check"), recursive: true);
        return figures is { Findings: > 0, Inputs: > 10 } ? 0 : throw new InvalidOperationException("The fuzzer does not find a defect that is there.");
    }

    private static int Run(TimeSpan time, string corpus, string findings, int seed, string[] rest)
    {
        // Instrumented code counts from its first instruction on.
        Coverage.Begin();
        var keeps = rest is ["keep", ..];
        var names = keeps ? rest[1..] : rest;
        var total = 0;
        Console.WriteLine("| parser | executions | CPU seconds | inputs of the corpus | findings |\n|---|---:|---:|---:|---:|");
        foreach (var target in FuzzTargets.All.Where(target => names.Length == 0 || names.Contains(target.Name)))
        {
            var fuzzer = new Fuzzer(target, Path.Combine(corpus, target.Name), findings, seed);
            var figures = fuzzer.Run(time);
            if (keeps)
                fuzzer.Keep(MostKeptBytes);
            total += figures.Findings;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {figures.Name} | {figures.Executions:N0} | {figures.Processor.TotalSeconds:N0} | {figures.Inputs} | {figures.Findings} |"));
        }
        return total == 0 ? 0 : 1;
    }
}
