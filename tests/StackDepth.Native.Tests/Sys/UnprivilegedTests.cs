using System.Diagnostics;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tests.Sys;

public sealed class UnprivilegedTests
{
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

        await RunAgainWithoutCapabilities(nameof(Without_capabilities_the_error_names_them));
    }

    [Fact]
    public async Task Files_in_the_root_directory_of_anothers_process_take_a_capability_that_is_named()
    {
        if (CapabilitySet.Current(SystemCalls.Real) is { Bits: 0 })
        {
            foreach (var resolve in new Action[] { () => Resolve("/proc/1/root/bin/sh", null), () => Resolve("sh", 1), () => Resolve("/bin/sh", 1) })
            {
                Assert.Contains("CAP_SYS_PTRACE", Assert.Throws<TargetException>(resolve).Message, StringComparison.Ordinal);
            }

            return;
        }

        await RunAgainWithoutCapabilities(nameof(Files_in_the_root_directory_of_anothers_process_take_a_capability_that_is_named));

        static void Resolve(string binary, int? pid) => TargetResolver.Resolve(binary, "main", new ResolveOptions { Pid = pid }).Dispose();
    }

    // Where capabilities are held, a test runs itself again without them.
    private static async Task RunAgainWithoutCapabilities(string test)
    {
        Requires.Tool("setpriv");
        Requires.That(Environment.IsPrivilegedProcess, "root");
        Requires.That(Environment.ProcessPath is not null, "a path of the test host");
        string host = Environment.ProcessPath!, assembly = typeof(UnprivilegedTests).Assembly.Location;
        string[] command = ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", host];
        string[] self = Path.GetFileNameWithoutExtension(host) == "dotnet" ? [assembly] : [];
        string[] filter = ["--filter-method", $"{typeof(UnprivilegedTests).FullName}.{test}", "--results-directory", "/tmp"];
        using var process = Process.Start(new ProcessStartInfo("setpriv", [.. command, .. self, .. filter]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0 && output.Contains("succeeded: 1", StringComparison.Ordinal), output + await errors);
    }
}
