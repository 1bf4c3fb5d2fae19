namespace StackDepth.Native.Sys;

/// <summary>Makes every <see cref="KernelException"/>: from what was tried, what the kernel answered and what the machine is like to a sentence that helps.</summary>
internal static class KernelErrors
{
    /// <param name="operation">What was tried.</param>
    /// <param name="errno">What the kernel answered.</param>
    /// <param name="subject">What it was tried on, such as <c>map 'counts' (Hash, 10240 entries)</c>; may be empty.</param>
    /// <param name="sys">Where the state of the machine is read from.</param>
    /// <param name="detail">What the caller found out that the errno does not say; takes the place of guesses, and comes before a general remedy, but behind what the process lacks.</param>
    /// <param name="inner">The cause.</param>
    internal static KernelException Create(
        KernelOperation operation, Errno errno, string subject, SystemCalls sys, string? detail = null, Exception? inner = null)
    {
        var context = KernelContext.Read(sys);
        var remedy = Advise(operation, errno, context, detail);
        return new KernelException(Sentence(operation, errno, subject, remedy, Lacks(operation, errno, context)), errno, operation.Name, remedy, inner);
    }

    /// <param name="operation">What was tried.</param>
    /// <param name="errno">What the kernel answered.</param>
    /// <param name="subject">What it was tried on; may be empty.</param>
    /// <param name="remedy">What to do about it; whole in the sentence, so that who shows both can tell.</param>
    /// <param name="causeFirst">Whether the remedy begins with the cause, which then comes before what it caused.</param>
    internal static string Sentence(KernelOperation operation, Errno errno, string subject, string remedy, bool causeFirst = false)
    {
        var failure = $"{operation.Name}{(subject.Length > 0 ? ": " + Printable(subject) : "")}. The kernel says {Describe(errno)}.";
        return causeFirst ? $"{Printable(remedy)} Without that, it could not {failure}" : $"Could not {failure} {Printable(remedy)}";
    }

    /// <summary>What to do about <paramref name="errno"/>, on the machine that <paramref name="context"/> describes.</summary>
    internal static string Advise(KernelOperation operation, Errno errno, KernelContext context, string? detail = null)
    {
        var general = errno switch
        {
            Errno.EPERM or Errno.EACCES => PrivilegeAdvice.For(operation, context),
            Errno.EMFILE => $"The process has as many open files as it may ({context.OpenFilesLimit ?? "limit unknown"}): raise the limit (`ulimit -n 65536`, or LimitNOFILE= of a systemd unit) or attach fewer probes.",
            Errno.ENFILE => "The system has as many open files as it may: raise fs.file-max.",
            Errno.ENOMEM => "The kernel has not enough memory for it: make maps smaller, attach fewer probes, or raise the memory limit of the cgroup.",
            Errno.E2BIG => operation.TooBig ?? "It is more than the kernel takes, or an older kernel does not know the newest fields of the call.",
            Errno.ENOENT => "What it names does not exist: check the path, the name or the key.",
            Errno.ESRCH => "The process does not exist, or no longer, or the number is a thread's and not its process's.",
            Errno.EINTR or Errno.EAGAIN => "The call was interrupted by signals more often than is tried again: try again when the process is less busy.",
            Errno.EEXIST => "It exists already.",
            Errno.EBADF => "Not a regular file, or a descriptor that was closed.",
            Errno.ENODEV => "The kernel lacks the device or the PMU.",
            Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP or Errno.ENOSYS => FeatureAdvice(operation, context),
            _ => "",
        };

        // Where the caller found the cause, guesses at other causes would only distract.
        return detail is null ? general
            : errno is Errno.ENOENT or Errno.ESRCH or Errno.EBADF or Errno.ENODEV or Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP ? detail
            : Lacks(operation, errno, context) ? $"{general} {detail}"
            : (detail + " " + general).Trim();
    }

    private static bool Lacks(KernelOperation operation, Errno errno, KernelContext context) =>
        errno is Errno.EPERM or Errno.EACCES && PrivilegeAdvice.Lacking(operation, context) is not null;

    internal static string Describe(Errno errno) => errno switch
    {
        Errno.EPERM => "EPERM (operation not permitted)",
        Errno.ENOENT => "ENOENT (no such file, name or key)",
        Errno.ESRCH => "ESRCH (no such process)",
        Errno.EINTR => "EINTR (interrupted)",
        Errno.EIO => "EIO (input/output error)",
        Errno.E2BIG => "E2BIG (too big)",
        Errno.ENOEXEC => "ENOEXEC (not an instruction that can be probed)",
        Errno.EBADF => "EBADF (bad file)",
        Errno.EAGAIN => "EAGAIN (try again)",
        Errno.ENOMEM => "ENOMEM (out of memory)",
        Errno.EACCES => "EACCES (permission denied)",
        Errno.EFAULT => "EFAULT (bad address)",
        Errno.EBUSY => "EBUSY (busy)",
        Errno.EEXIST => "EEXIST (exists already)",
        Errno.EINVAL => "EINVAL (invalid argument)",
        Errno.EMFILE => "EMFILE (too many open files in the process)",
        Errno.ENFILE => "ENFILE (too many open files in the system)",
        Errno.ENOSPC => "ENOSPC (no space left)",
        Errno.ENOSYS => "ENOSYS (no such system call)",
        Errno.EOPNOTSUPP => "EOPNOTSUPP (not supported)",
        Errno.ENOTSUPP => "ENOTSUPP (not supported)",
        _ => Enum.IsDefined(errno) ? errno.ToString() : $"errno {(int)errno}",
    };

    private static string FeatureAdvice(KernelOperation operation, KernelContext context)
    {
        var needs = $"{operation.Feature} need{(operation.Feature.StartsWith("The ", StringComparison.Ordinal) || !operation.Feature.EndsWith('s') ? "s" : "")} Linux {operation.LeastKernel} or later";
        return context.Release is not { } release ? needs + "."
            : release < operation.LeastKernel ? $"{needs}, and this is {release}: use a newer kernel."
            : $"{needs}; this is {release}, so either the kernel was built without it or an argument is wrong.";
    }

    /// <summary>Paths and names come from the target: control characters must not reach a terminal.</summary>
    private static string Printable(string text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c) && c != '\n')
            {
                return string.Concat(text.Select(static c => char.IsControl(c) && c != '\n' ? $"\\u{(int)c:x4}" : c.ToString()));
            }
        }

        return text;
    }
}
