using System.Runtime.InteropServices;
using System.Text;

namespace StackDepth.Native.Sys;

/// <summary>
/// The calls into the kernel that BPF work needs, as a seam: each answers a value that is not negative, or a negated errno, and does nothing else (no retries,
/// no exceptions). <see cref="Real"/> asks the kernel; tests derive and override to fake an answer that this machine cannot give.
/// </summary>
internal unsafe class SystemCalls
{
    internal static SystemCalls Real { get; } = new();

    protected SystemCalls()
    {
    }

    /// <summary><c>bpf(2)</c>. <paramref name="attr"/> is a <c>union bpf_attr</c> of <paramref name="size"/> bytes.</summary>
    internal virtual long Bpf(BpfCommand command, void* attr, uint size) =>
        Result(LibC.Bpf(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 280 : 321, (int)command, attr, size));

    /// <summary><c>perf_event_open(2)</c>. <paramref name="attr"/> is a <c>struct perf_event_attr</c> that states its own size.</summary>
    internal virtual long PerfEventOpen(void* attr, int pid, int cpu, int group, ulong flags) =>
        Result(LibC.PerfEventOpen(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 241 : 298, attr, pid, cpu, group, flags));

    internal virtual long Ioctl(int fd, nuint request, nint argument) => Result(LibC.Ioctl(fd, request, argument));

    /// <summary><c>mmap(2)</c>: the address, or a negated errno.</summary>
    internal virtual long MMap(nuint length, int protection, int flags, int fd, long offset) =>
        Result(LibC.MMap(0, length, protection, flags, fd, (nint)offset));

    internal virtual long MUnmap(nint address, nuint length) => Result(LibC.MUnmap(address, length));

    internal virtual long Close(int fd) => Result(LibC.Close(fd));

    /// <summary><c>memfd_create(2)</c>.</summary>
    internal virtual long MemoryFile(string name, uint flags) => Result(LibC.MemFdCreate(name, flags));

    internal virtual long EventFd(uint initial, int flags) => Result(LibC.EventFd(initial, flags));

    internal virtual long EPollCreate(int flags) => Result(LibC.EPollCreate(flags));

    internal virtual long EPollControl(int epoll, int operation, int fd, void* epollEvent) => Result(LibC.EPollControl(epoll, operation, fd, epollEvent));

    internal virtual long EPollWait(int epoll, void* events, int maxEvents, int timeoutMilliseconds) =>
        Result(LibC.EPollWait(epoll, events, maxEvents, timeoutMilliseconds));

    internal virtual long Read(int fd, void* buffer, nuint length) => Result(LibC.Read(fd, buffer, length));

    /// <summary><c>pread(2)</c>. An <paramref name="offset"/> with the highest bit set is an address of <c>/proc/PID/mem</c> that no user memory has.</summary>
    internal virtual long PRead(int fd, void* buffer, nuint length, long offset) => Result(LibC.PRead(fd, buffer, length, (nint)offset));

    internal virtual long Write(int fd, void* buffer, nuint length) => Result(LibC.Write(fd, buffer, length));

    /// <summary>A small text file of /proc or /sys (at most 64 KiB of it); null where it is absent or may not be read.</summary>
    internal virtual string? ReadText(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var buffer = new byte[65536];
            int length = 0, read;
            while (length < buffer.Length && (read = RandomAccess.Read(file, buffer.AsSpan(length), length)) > 0)
            {
                length += read;
            }

            return Encoding.UTF8.GetString(buffer, 0, length);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether a file is there, whether or not it may be read.</summary>
    internal virtual bool FileExists(string path) => File.Exists(path);

    private static long Result(long value) => value == -1 ? -Marshal.GetLastPInvokeError() : value;
}
