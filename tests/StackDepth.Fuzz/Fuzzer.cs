using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace StackDepth.Fuzz;

/// <summary>What a run has come to.</summary>
internal sealed record FuzzFigures(string Name, long Executions, TimeSpan Processor, int Inputs, int Findings);

/// <summary>
/// Runs a target with inputs that it makes out of a corpus, and keeps those that take a branch which no other has taken. A finding is an input at which the target throws what it must not, takes longer than a
/// second, or allocates more than 64 MiB.
/// </summary>
internal sealed class Fuzzer(FuzzTarget target, string corpusFolder, string findingsFolder, int seed)
{
    private const long MostAllocated = 64L << 20;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(20);

    private readonly List<byte[]> _corpus = [];
    private readonly byte[] _seen = Coverage.NewMap();
    private readonly HashSet<string> _kinds = [];
    private byte[] _input = [];
    private long _began;
    private long _executions;
    private int _findings;

    internal FuzzFigures Run(TimeSpan time)
    {
        using var watch = new Timer(_ => EndHang(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        var start = Stopwatch.GetTimestamp();
        var processor = Process.GetCurrentProcess().TotalProcessorTime;
        foreach (var known in Directory.Exists(corpusFolder) ? Directory.GetFiles(corpusFolder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [])
            Try(known);
        foreach (var made in target.Seeds())
            Try(made);
        if (_corpus.Count == 0)
            _corpus.Add([]);
        var mutator = new Mutator(new Random(seed), target);
        while (Stopwatch.GetElapsedTime(start) < time)
            Try(mutator.Next(_corpus));
        return new(target.Name, _executions, Process.GetCurrentProcess().TotalProcessorTime - processor, _corpus.Count, _findings);
    }

    /// <summary>Writes the inputs that take a branch which the shorter ones do not.</summary>
    internal void Keep(int mostBytes)
    {
        Directory.CreateDirectory(corpusFolder);
        foreach (var old in Directory.GetFiles(corpusFolder))
            File.Delete(old);
        var seen = Coverage.NewMap();
        foreach (var input in _corpus.Where(input => input.Length <= mostBytes).OrderBy(static input => input.Length))
        {
            Coverage.Begin();
            Execute(input);
            if (Coverage.AddTo(seen))
                File.WriteAllBytes(Path.Combine(corpusFolder, Name(input)), input);
        }
    }

    private void Try(byte[] input)
    {
        (_input, _began) = (input, Stopwatch.GetTimestamp());
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Coverage.Begin();
        var error = Execute(input);
        var isNew = Coverage.AddTo(_seen);
        _executions++;
        var took = Stopwatch.GetElapsedTime(_began);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        _began = 0;
        if (error is not null && !target.Expects(error))
            Find(input, $"{error.GetType().Name} at {error.StackTrace?.Split('\n')[0].Trim()}", error.ToString());
        // A machine can be busy: what is slow is slow again.
        else if (took > s_longest && Slow(input))
            Find(input, "slow", string.Create(CultureInfo.InvariantCulture, $"took {took.TotalSeconds:0.0} s"));
        else if (allocated > MostAllocated)
            Find(input, "allocation", string.Create(CultureInfo.InvariantCulture, $"allocated {allocated >> 20} MiB"));
        if (isNew)
            _corpus.Add(input);
    }

    private bool Slow(byte[] input)
    {
        var start = Stopwatch.GetTimestamp();
        Execute(input);
        return Stopwatch.GetElapsedTime(start) > s_longest;
    }

    private Exception? Execute(byte[] input)
    {
        try
        {
            target.Read(input);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    /// <summary>One of each kind.</summary>
    private void Find(byte[] input, string kind, string report)
    {
        if (!_kinds.Add(kind))
            return;
        _findings++;
        Directory.CreateDirectory(findingsFolder);
        var path = Path.Combine(findingsFolder, $"{target.Name}-{Name(input)}");
        File.WriteAllBytes(path, input);
        Console.Error.WriteLine($"{target.Name}: {path}\n{report}");
    }

    private void EndHang()
    {
        var (input, began) = (_input, Interlocked.Read(ref _began));
        if (began == 0 || Stopwatch.GetElapsedTime(began) < s_hang)
            return;
        Find(input, "hang", $"does not end within {s_hang.TotalSeconds} s");
        Environment.Exit(3);
    }

    private static string Name(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input))[..16];
}
