namespace StackDepth.Native.Sys;

/// <summary>The error numbers that this library reads meaning from, under their C names and with Linux's numbers (the same on x86-64 and arm64).</summary>
internal enum Errno
{
    None = 0,
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EINTR = 4,
    EIO = 5,
    E2BIG = 7,
    ENOEXEC = 8,
    EBADF = 9,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    EBUSY = 16,
    EEXIST = 17,
    ENODEV = 19,
    ENOTDIR = 20,
    EINVAL = 22,
    ENFILE = 23,
    EMFILE = 24,
    ENOSPC = 28,
    ERANGE = 34,
    ENOSYS = 38,
    ELOOP = 40,
    EILSEQ = 84,
    EOPNOTSUPP = 95,
    EADDRNOTAVAIL = 99,
    ETIMEDOUT = 110,

    /// <summary>The kernel's internal ENOTSUPP, which has no C name outside it but reaches user space from bpf(2) and uprobes.</summary>
    ENOTSUPP = 524,
}
