using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Sys;

public sealed class KernelErrorsTests
{
    private static readonly KernelContext All = new() { Release = new Version(6, 6), Capabilities = new CapabilitySet(ulong.MaxValue) };
    private static readonly KernelContext Nobody = All with { Capabilities = new CapabilitySet(0), UnprivilegedBpfDisabled = 2 };

    [Fact]
    public void A_missing_capability_is_named_with_its_remedy()
    {
        var advice = KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, Nobody);
        Assert.Contains("lacks CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN", advice, StringComparison.Ordinal);
        Assert.Contains("setcap cap_bpf,cap_perfmon+ep", advice, StringComparison.Ordinal);
        Assert.Contains("unprivileged_bpf_disabled is 2", advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/opt/my tool/probe", "setcap cap_bpf,cap_perfmon+ep '/opt/my tool/probe'`.")]
    [InlineData("/opt/probe", "or grant the program file: `sudo setcap cap_bpf,cap_perfmon+ep /opt/probe`.")]
    [InlineData("/usr/bin/dotnet", "publish it as an executable of its own and grant that: `sudo setcap cap_bpf,cap_perfmon+ep FILE` (here /usr/bin/dotnet runs it, and what is granted to that file holds for every .NET program).")]
    [InlineData(null, "setcap cap_bpf,cap_perfmon+ep FILE`.")]
    public void The_file_to_grant_is_that_of_the_program_unless_it_runs_every_program(string? program, string words) =>
        Assert.Contains(words, KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, Nobody with { ProgramPath = program }), StringComparison.Ordinal);

    [Fact]
    public void What_the_process_lacks_comes_first_and_the_remedy_is_whole_in_the_message()
    {
        var nobody = new FaultySystemCalls
        {
            OnReadText = path => path switch { "/proc/self/status" => "CapEff:\t0000000000000000\n", "/proc/sys/kernel/osrelease" => "6.6.0\n", _ => null },
        };
        var error = KernelErrors.Create(KernelOperation.ProgramLoad, Errno.EPERM, "program 'p'", nobody, "A detail.");
        Assert.StartsWith("The process lacks CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN, which includes them). Run it as root, or ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($" A detail. Without that, it could not {KernelOperation.ProgramLoad.Name}: program 'p'. The kernel says EPERM (operation not permitted).", error.Message, StringComparison.Ordinal);
        Assert.Contains(error.Remedy, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_what_is_missing_is_named()
    {
        var advice = KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, All with { Capabilities = new CapabilitySet(1UL << (int)Capability.Bpf) });
        Assert.Contains("lacks CAP_PERFMON (", advice, StringComparison.Ordinal);
        Assert.DoesNotContain("CAP_BPF", advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Before_5_8_it_takes_CAP_SYS_ADMIN_and_locked_memory_counts_before_5_11()
    {
        var old = All with { Release = new Version(5, 4), Capabilities = new CapabilitySet(0), LockedMemoryLimit = "65536" };
        Assert.Contains("lacks CAP_SYS_ADMIN.", KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, old), StringComparison.Ordinal);
        var privileged = old with { Capabilities = All.Capabilities };
        Assert.Contains("ulimit -l", KernelErrors.Advise(KernelOperation.MapCreate, Errno.EPERM, privileged), StringComparison.Ordinal);
        Assert.DoesNotContain("ulimit -l", KernelErrors.Advise(KernelOperation.MapCreate, Errno.EPERM, All with { LockedMemoryLimit = "65536" }), StringComparison.Ordinal);
    }

    [Fact]
    public void With_all_capabilities_the_other_causes_are_looked_for()
    {
        Assert.Contains("lockdown is 'confidentiality'", KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, All with { Lockdown = "confidentiality" }), StringComparison.Ordinal);
        Assert.Contains("user namespace", KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, All with { InUserNamespace = true }), StringComparison.Ordinal);
        Assert.Contains("seccomp", KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, All with { HasSeccompFilter = true }), StringComparison.Ordinal);
        Assert.Contains("AppArmor", KernelErrors.Advise(KernelOperation.ProgramLoad, Errno.EPERM, All), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Errno.EMFILE, "ulimit -n")]
    [InlineData(Errno.ENOMEM, "memory")]
    [InlineData(Errno.E2BIG, "larger than the kernel takes")]
    [InlineData(Errno.EINVAL, "5.8 or later")]
    [InlineData(Errno.ENOENT, "does not exist")]
    internal void Each_errno_says_what_to_do(Errno errno, string words) =>
        Assert.Contains(words, KernelErrors.Advise(KernelOperation.RingBufferCreate, errno, All), StringComparison.Ordinal);

    [Fact]
    public void A_kernel_that_is_too_old_is_told_so()
    {
        var advice = KernelErrors.Advise(KernelOperation.UprobeMulti, Errno.EINVAL, All with { Release = new Version(5, 15, 3) });
        Assert.Contains("6.6 or later, and this is 5.15.3", advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_errno_makes_a_sentence_and_control_characters_do_not_reach_the_terminal()
    {
        foreach (var errno in Enum.GetValues<Errno>().Append((Errno)133))
        {
            var text = KernelErrors.Sentence(KernelOperation.MapCreate, errno, "map '\u001b[31m'", KernelErrors.Advise(KernelOperation.MapCreate, errno, Nobody));
            Assert.DoesNotContain('\u001b', text);
            Assert.StartsWith("Could not create a BPF map: map '\\u001b[31m'. The kernel says ", text, StringComparison.Ordinal);
        }
    }
}
