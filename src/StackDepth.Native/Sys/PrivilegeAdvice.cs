namespace StackDepth.Native.Sys;

/// <summary>What to do about EPERM and EACCES: the kernel gives the same two answers to half a dozen causes, so each is looked for.</summary>
internal static class PrivilegeAdvice
{
    private static readonly Version SplitFromSysAdmin = new(5, 8);
    private static readonly Version MemoryCgroupAccounting = new(5, 11);

    internal static string For(KernelOperation operation, KernelContext context)
    {
        var advice = new List<string>();
        var needs = context.Release < SplitFromSysAdmin ? [Capability.SysAdmin] : operation.Needs;
        if (context.Capabilities is not { } held)
        {
            advice.Add($"It takes {List(needs)}; which capabilities the process has could not be read from /proc/self/status.");
        }
        else if (needs.Where(need => !held.Grants(need)).ToArray() is { Length: > 0 } missing)
        {
            var alternative = missing.Contains(Capability.SysAdmin) ? "" : " (or CAP_SYS_ADMIN, which includes them)";
            advice.Add(
                $"The process lacks {List(missing)}{alternative}. Run it as root, or grant the program file: "
                + $"`sudo setcap {string.Join(',', missing.Select(static m => CapabilitySet.NameOf(m).ToLowerInvariant()))}+ep FILE`.");
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

    private static string List(IReadOnlyList<Capability> capabilities) => string.Join(" and ", capabilities.Select(CapabilitySet.NameOf));
}
