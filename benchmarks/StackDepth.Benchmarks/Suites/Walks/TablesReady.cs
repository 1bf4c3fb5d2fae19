using System.Globalization;
using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites.Walks;

/// <summary>How long it takes until the rows of all that a program maps are in the kernel.</summary>
internal static class TablesReady
{
    private const int Rounds = 9;
    private const int Again = 5;

    internal static void Print(TextWriter text)
    {
        var artifacts = Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts");
        (string Name, string[] Command)[] forms =
        [
            ("ReadyToRun", ["dotnet", Path.Combine(artifacts, "tables-r2r", "StackDepth.Benchmarks.dll")]),
            ("a plain build", ["dotnet", Path.Combine(artifacts, "tables-jit", "StackDepth.Benchmarks.dll")]),
            ("AOT, as the tool is packed", [Path.Combine(artifacts, "tables-aot", "StackDepth.Benchmarks")]),
        ];
        var cold = forms.Select(static _ => new List<double>()).ToArray();
        var cached = forms.Select(static _ => new List<double>()).ToArray();
        var again = forms.Select(static _ => new List<double>()).ToArray();
        string[] last = [];
        for (var round = -1; round < Rounds; round++)
        {
            for (var form = 0; form < forms.Length; form++)
            {
                var cache = Directory.CreateTempSubdirectory("stackdepth-bench-").FullName;
                var first = Load(1)[0];
                var later = Load(1 + Again);
                Directory.Delete(cache, recursive: true);
                if (round < 0)
                    continue;
                cold[form].Add(first);
                cached[form].Add(later[0]);
                again[form].Add(later[1..].Median());

                double[] Load(int times)
                {
                    var lines = Commands.Run([.. forms[form].Command, cache, WalkPrograms.Python, times.ToString(CultureInfo.InvariantCulture)]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
                    last = lines[^1].Split(' ');
                    return [.. lines.Select(static line => double.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture))];
                }
            }
        }

        text.WriteLine("### Tables ready");
        text.WriteLine();
        text.WriteLine($"Milliseconds until the rows of all that {WalkPrograms.Python} maps are in the maps ({last[1]} files, {Number(double.Parse(last[2], CultureInfo.InvariantCulture))} rows, {last[3]} KiB), in a new process that has");
        text.WriteLine($"done nothing else, the start of the runtime left out; medians of {Rounds} alternating rounds. \"Cold\" reads the files and fills the cache on disk; \"again\" is from the cache, in a process that");
        text.WriteLine("has done it before.");
        text.WriteLine();
        var table = new Table("", "cold, no cache", "from the cache", "again");
        for (var form = 0; form < forms.Length; form++)
            table.Add(forms[form].Name, Number(cold[form].Median(), 1), Number(cached[form].Median(), 1), Number(again[form].Median(), 1));
        text.WriteLine(table);
        text.WriteLine("Goal, within 150 ms cold and 15 ms from the cache: " + string.Join("; ", forms.Select((form, index) =>
            $"{form.Name} {Verdict(cold[index].Median() <= 150)} and {Verdict(cached[index].Median() <= 15)}")) + ".");
        text.WriteLine();
    }
}
