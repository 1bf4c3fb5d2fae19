using System.Diagnostics;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Sys;

public sealed class UnprivilegedTests
{
    /// <summary>Where capabilities are held, the test runs itself again without them.</summary>
    [Fact]
    public async Task Without_capabilities_the_error_names_them()
    {
        var capabilities = CapabilitySet.Current(SystemCalls.Real);
        if (capabilities is { Bits: 0 })
        {
            var error = Assert.ThrowsAny<KernelException>(() => BpfProgram.Load(Load.ProgramTests.Trivial, new Dictionary<string, BpfMap>(), SystemCalls.Real));
            Assert.Equal(Errno.EPERM, error.Errno);
            Assert.Contains("lacks CAP_BPF and CAP_PERFMON", error.Message, StringComparison.Ordinal);
            return;
        }

        Requires.Tool("setpriv");
        Requires.That(Environment.IsPrivilegedProcess, "root");
        Requires.That(Environment.ProcessPath is not null, "a path of the test host");
        string host = Environment.ProcessPath!, assembly = typeof(UnprivilegedTests).Assembly.Location;
        string[] command = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", host];
        string[] self = Path.GetFileNameWithoutExtension(host) == "dotnet" ? [assembly] : [];
        string[] filter = ["--filter-method", $"{typeof(UnprivilegedTests).FullName}.{nameof(Without_capabilities_the_error_names_them)}", "--results-directory", "/tmp"];
        using var process = Process.Start(new ProcessStartInfo("setpriv", [.. command, .. self, .. filter]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0 && output.Contains("succeeded: 1", StringComparison.Ordinal), output + await errors);
    }
}
