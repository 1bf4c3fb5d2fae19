using System.Collections.Immutable;

namespace StackDepth.Native.Sys;

/// <summary>What to do about EPERM and EACCES: the kernel gives the same two answers to half a dozen causes, so each is looked for.</summary>
internal static class PrivilegeAdvice
{
    private static readonly Version SplitFromSysAdmin = new(5, 8);
    private static readonly Version MemoryCgroupAccounting = new(5, 11);

    /// <summary>Says which capabilities the process lacks, as a sentence without its end; null when it has all, or that is not known.</summary>
    internal static string? Lacking(KernelOperation operation, KernelContext context)
    {
        if (Missing(operation, context) is not { Length: > 0 } missing)
        {
            return null;
        }

        var alternative = missing.Contains(Capability.SysAdmin) ? "" : " (or CAP_SYS_ADMIN, which includes them)";
        return $"The process lacks {List(missing)}{alternative}";
    }

    internal static string For(KernelOperation operation, KernelContext context)
    {
        var advice = new List<string>();
        var needs = Needs(operation, context);
        if (context.Capabilities is not { } held)
        {
            advice.Add($"It takes {List(needs)}; which capabilities the process has could not be read from /proc/self/status.");
        }
        else if (Missing(operation, context) is { Length: > 0 } missing)
        {
            advice.Add($"{Lacking(operation, context)}. {Grant(missing, context.ProgramPath)}");
            if (context.UnprivilegedBpfDisabled is > 0 and var disabled && missing.Contains(Capability.Bpf))
            {
                advice.Add($"(kernel.unprivileged_bpf_disabled is {disabled}; tracing programs need the capabilities even where it is 0.)");
            }
        }
        else
        {
            advice.Add($"The process has the capabilities that it takes ({List(needs)}), so something else forbids it.");
        }

        if (context.InUserNamespace)
        {
            advice.Add("The process is in a user namespace (a rootless container?), where its capabilities do not count for BPF and perf: run it in the initial one.");
        }

        if (context.HasSeccompFilter)
        {
            advice.Add("A seccomp filter is on (a container's default forbids bpf and perf_event_open): allow both, for instance by `--security-opt seccomp=unconfined`.");
        }

        if (context.Lockdown is { } lockdown and not "none")
        {
            advice.Add($"Kernel lockdown is '{lockdown}'{(lockdown == "confidentiality" ? ", which forbids BPF to read memory" : "")}: boot with lockdown=none where that is acceptable.");
        }

        if (context.Release < MemoryCgroupAccounting && context.LockedMemoryLimit is { } limit and not "unlimited")
        {
            advice.Add($"Before Linux 5.11 maps and programs count against the limit of locked memory, here {limit} bytes: raise it (`ulimit -l unlimited`, or LimitMEMLOCK= of a systemd unit).");
        }

        if (advice.Count == 1 && context.Capabilities is { } all && needs.All(need => all.Grants(need)))
        {
            advice.Add("Look at the policies of SELinux or AppArmor and at the kernel's log.");
        }

        return string.Join(' ', advice);
    }

    private static ImmutableArray<Capability> Needs(KernelOperation operation, KernelContext context) =>
        context.Release < SplitFromSysAdmin ? [Capability.SysAdmin] : operation.Needs;

    private static Capability[] Missing(KernelOperation operation, KernelContext context) =>
        context.Capabilities is { } held ? [.. Needs(operation, context).Where(need => !held.Grants(need))] : [];

    private static string Grant(Capability[] missing, string? program)
    {
        var command = $"sudo setcap {string.Join(',', missing.Select(static m => CapabilitySet.NameOf(m).ToLowerInvariant()))}+ep";
        return program is null ? $"Run it as root, or grant the program file: `{command} FILE`."
            : Path.GetFileName(program) != "dotnet" ? $"Run it as root, or grant the program file: `{command} {Quoted(program)}`."
            : $"Run it as root, or publish it as an executable of its own and grant that: `{command} FILE` (here {program} runs it, and what is granted to that file holds for every .NET program).";
    }

    private static string Quoted(string path) =>
        path.All(static c => char.IsAsciiLetterOrDigit(c) || "/._-+".Contains(c, StringComparison.Ordinal)) ? path : $"'{path.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static string List(IReadOnlyList<Capability> capabilities) => string.Join(" and ", capabilities.Select(CapabilitySet.NameOf));
}
