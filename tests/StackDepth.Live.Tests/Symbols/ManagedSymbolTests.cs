using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Walks;
using StackDepth.Native.Symbols;
using StackDepth.Symbols;

namespace StackDepth.Live.Tests.Symbols;

public sealed class ManagedSymbolTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public void A_managed_method_is_named_and_after_the_end_of_its_process_too(string writeXorExecute)
    {
        var library = Builds.C("caller.so", "-O2", "-fno-omit-frame-pointer", "-Wno-frame-address", "-shared", "-fPIC", "caller.c");
        var start = new ProcessStartInfo(Path.ChangeExtension(typeof(ManagedSymbolTests).Assembly.Location, null), [ManagedSymbolTarget.Command, library])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_PerfMapEnabled"] = "1", ["DOTNET_EnableWriteXorExecute"] = writeXorExecute },
        };
        using var target = Process.Start(start)!;
        List<ulong> addresses = [];
        while (target.StandardOutput.ReadLine() is { } line && line != "ready")
            addresses.Add(ulong.Parse(line, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        Assert.Single(addresses);
        try
        {
            using var symbolizer = new Symbolizer();
            symbolizer.Observe(target.Id);
            var frames = symbolizer.NameUser(target.Id, addresses.ToArray(), leafIsExact: false);
            output.WriteLine(new CallStack(frames).ToString());
            Assert.All(frames, static frame =>
            {
                Assert.Equal("[jit]", frame.Module);
                Assert.Contains("ManagedSymbolTarget::Deepest(", frame.Symbol, StringComparison.Ordinal);
                Assert.InRange(frame.Offset, 1ul, 0x400ul);
            });
            target.StandardInput.Close();
            target.WaitForExit();
            Assert.Equal(frames, symbolizer.NameUser(target.Id, addresses.ToArray(), leafIsExact: false));
        }
        finally
        {
            target.Kill();
            target.WaitForExit();
            foreach (var file in Directory.EnumerateFiles("/tmp", $"perf*-{target.Id}.map"))
                File.Delete(file);
        }
    }
}
