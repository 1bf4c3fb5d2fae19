using System.Diagnostics;
using System.Globalization;

namespace StackDepth.Native.Processes;

/// <summary>Finds the pid of a child that <c>posix_spawn</c> has made but not yet told about, since it answers only after the exec.</summary>
internal static class ChildFinder
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>The calling thread's id.</summary>
    /// <exception cref="InvalidOperationException"><c>/proc</c> is missing, or is that of another pid namespace.</exception>
    internal static int CurrentThreadId()
    {
        string? link = new FileInfo("/proc/thread-self").LinkTarget; // PID/task/TID

        return link?.Split('/') is [string pid, "task", string tid] && Number(pid) == Environment.ProcessId && Number(tid) is int id
            ? id
            : throw new InvalidOperationException(
                "/proc does not show this process under its own pid. Mount the proc file system of this process's pid namespace at /proc to start a command under probes.");
    }

    /// <summary>
    /// The child of thread <paramref name="threadId"/> that waits at the gate whose descriptor is <paramref name="doorFd"/>, from the kernel's list of the
    /// thread's children or, where a kernel has none (no CONFIG_PROC_CHILDREN), from a scan of all processes.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no such process: it has been killed.</exception>
    internal static int Find(int threadId, int doorFd) =>
        (FromThread(threadId) is [int only] ? only : (int?)null)
        ?? FromAllProcesses(doorFd)
        ?? throw new InvalidOperationException("The child cannot be found in /proc, though it came to its gate: it has been killed, or /proc hides it (hidepid).");

    /// <summary>The children of one thread of this process; null where the kernel does not list them.</summary>
    internal static int[]? FromThread(int threadId)
    {
        string path = $"/proc/self/task/{threadId}/children";
        if (!File.Exists(path))
        {
            return null;
        }

        string[] words = File.ReadAllText(path).Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return Array.ConvertAll(words, word => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// The child of this process which has the gate as its descriptor <paramref name="doorFd"/>; null when there is none, or too many for too long.
    /// </summary>
    internal static int? FromAllProcesses(int doorFd)
    {
        // The name alone tells the gates apart: mkdtemp(3) made it. The child itself has the door for sure; another, made at this moment by another thread,
        // has a copy for the instant until it closes what is not its own.
        string? gate = new FileInfo(Gate.PathOf(doorFd)).LinkTarget;
        long start = Stopwatch.GetTimestamp();

        while (true)
        {
            int[] holders = [.. Processes().Where(pid => ParentOf(pid) == Environment.ProcessId && LinkOf(pid, doorFd) == gate).Take(2)];

            if (holders.Length < 2)
            {
                return holders is [int only] ? only : null;
            }

            if (Stopwatch.GetElapsedTime(start) > s_patience)
            {
                return null;
            }

            Thread.Sleep(1);
        }
    }

    private static IEnumerable<int> Processes() => Directory.EnumerateDirectories("/proc").Select(path => Number(Path.GetFileName(path))).OfType<int>();

    private static int? ParentOf(int pid)
    {
        try
        {
            // "PID (NAME) STATE PPID ...", and the name can hold anything, parentheses and blanks too.
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', 4, StringSplitOptions.RemoveEmptyEntries);
            return fields.Length > 1 ? Number(fields[1]) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // ended meanwhile, or hidden: not a child of ours that waits
        }
    }

    private static string? LinkOf(int pid, int fd)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/fd/{fd}").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
