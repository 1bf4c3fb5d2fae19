using StackDepth.Benchmarks.Ring;
using StackDepth.Benchmarks.Suites;
using StackDepth.Benchmarks.Suites.Walks;
using StackDepth.Benchmarks.Support;

(string Name, Func<Section> Run)[] suites =
[
    ("kernel", KernelCost.Run),
    ("walks", WalkSuite.Run),
    ("python", PythonFrames.Run),
    ("questions", Questions.Run),
    ("queries", TypicalQueries.Run),
    ("attach", AttachAndDetach.Run),
    ("cold", ColdStart.Run),
    ("memory", Memory.Run),
    ("bytecode", QueryToBytecode.Run),
    ("ring", RingThroughput.Run),
    ("symbols", Symbolization.Run),
    ("threads", Threads.Run),
];

switch (args)
{
    // What the suites run in processes of their own.
    case ["--fresh", var query]:
        return FreshProcess.Run(query);
    case ["--consume", var map]:
        return ConsumerProcess.Run(uint.Parse(map, System.Globalization.CultureInfo.InvariantCulture));
}

if (args.Except(suites.Select(suite => suite.Name)).FirstOrDefault() is { } unknown)
{
    Console.Error.WriteLine($"There is no benchmark '{unknown}'. There are: {string.Join(", ", suites.Select(suite => suite.Name))}.");
    return 2;
}

foreach (var (name, run) in suites.Where(suite => args.Length == 0 || args.Contains(suite.Name)))
{
    Console.Error.WriteLine($"-- {name}");
    var section = run();
    Console.WriteLine(section.Text);
    Document.Replace(name, section, suites.Select(suite => suite.Name));
}
return 0;
