using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tests.Elf;

/// <summary>Damaged files: only <see cref="ElfException"/> and the resolver's own exceptions may come out, and no allocation out of proportion.</summary>
public sealed class ElfMutationTests(CompiledTargets targets, ITestOutputHelper output) : IClassFixture<CompiledTargets>
{
    private const long MaxAllocation = 32 << 20;

    private const string Source = """
        int used(int x);
        __attribute__((noinline)) int first(int x) { __asm__ volatile(""); return x * 3; }
        __attribute__((noinline, weak)) int second(int x) { __asm__ volatile(""); return first(x) + used(x); }
        static void* pick(void) { return (void*)first; }
        int chosen(int x) __attribute__((ifunc("pick")));
        int third(int x) { return chosen(x) + second(x); }
        """;

    [Theory]
    [InlineData("gnu", false, 1)]
    [InlineData("sysv", false, 2)]
    [InlineData("gnu", true, 3)]
    [InlineData("sysv", true, 4)]
    public void Flipped_bytes_and_cut_files_give_nothing_but_the_readers_own_exceptions(string style, bool bare, int seed)
    {
        var original = File.ReadAllBytes(targets.Compile($"libm{style}.so", Source, "-shared", "-fPIC", $"-Wl,--hash-style={style}", "-Wl,-rpath,$ORIGIN", "-lm"));
        if (bare)
        {
            DamagedFile.RemoveSections(original);
        }

        Mutate(original, seed, rounds: 2500);
    }

    [Theory]
    [InlineData("libz.so.1", 5)]
    [InlineData("libm.so.6", 6)]
    public void Real_libraries_with_damage_do_too(string library, int seed)
    {
        var path = new LibrarySearch(string.Empty, null).Find(library);
        if (path is null)
        {
            CompiledTargets.SkipOrFail($"{library} is not installed");
        }

        Mutate(File.ReadAllBytes(path!), seed, rounds: 500);
    }

    private void Mutate(byte[] original, int seed, int rounds)
    {
        var random = new Random(seed);
        var path = targets.PathOf($"damaged{seed}.so");
        int read = 0, refused = 0;
        var most = 0L;
        var options = new ResolveOptions { WorkingDirectory = "/", Environment = new Dictionary<string, string>() };
        for (var round = 0; round < rounds; round++)
        {
            File.WriteAllBytes(path, DamagedFile.Of(original, random));
            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var symbols in new[] { "*", "first", "frist", "chosen", "used", "first+1", "0x1100" })
            {
                try
                {
                    TargetResolver.Resolve(path, symbols, options).Dispose();
                    read++;
                }
                catch (Exception e) when (e is TargetException or TargetNotFoundException)
                {
                    refused++;
                }
            }

            try
            {
                using var image = ElfImage.Open(path);
                image.TryGetSection(".eh_frame"u8, out _);
                _ = image.BuildId.Length + image.Symbols.Count + image.DynamicSymbols.Count + image.Dynamic.Needed.Length + (image.Interpreter?.Length ?? 0);
                new DebugFileFinder(debugDirectory: targets.Folder).Find(image, path)?.Dispose();
            }
            catch (ElfException)
            {
                refused++;
            }

            most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        output.WriteLine($"seed {seed}: {read} resolved, {refused} refused, at most {most} bytes allocated in a round");
        Assert.InRange(most, 0, MaxAllocation);
        Assert.DoesNotContain(path, Directory.EnumerateFiles("/proc/self/fd").Select(link => new FileInfo(link).LinkTarget));
        Assert.True(read > 0 && refused > 0);
    }
}
