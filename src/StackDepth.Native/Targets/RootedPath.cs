using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// Follows symbolic links inside a root directory. The kernel would follow an absolute link below /proc/PID/root from our own root, so a container's
/// /usr/bin/python3 could end at the host's.
/// </summary>
internal static class RootedPath
{
    // The kernel's own limit (MAXSYMLINKS).
    private const int MaxLinks = 40;

    /// <summary>The absolute path inside <paramref name="root"/> (empty: our own) with all links followed. Parts that do not exist stay as they are.</summary>
    /// <exception cref="TargetException">The links go in a circle.</exception>
    internal static string Resolve(string root, string path)
    {
        // /proc/PID/root reads as a link to "/", also where it is the root directory of a container.
        if (root.Length == 0 && RootOfProcess(path) is { } other)
        {
            return other + Resolve(other, path[other.Length..]);
        }

        var pending = new Stack<string>();
        Push(pending, path);
        var done = new List<string>();
        var links = 0;
        while (pending.TryPop(out var part))
        {
            if (part == "..")
            {
                if (done.Count > 0)
                {
                    done.RemoveAt(done.Count - 1);
                }

                continue;
            }

            done.Add(part);
            if (new FileInfo(root + "/" + string.Join('/', done)).LinkTarget is not { } target)
            {
                continue;
            }

            if (++links > MaxLinks)
            {
                throw new TargetException($"{PrintableText.Escape(path)} has more than {MaxLinks} symbolic links on its way: they go in a circle.");
            }

            done.RemoveAt(done.Count - 1);
            if (target.StartsWith('/'))
            {
                done.Clear();
            }

            Push(pending, target);
        }

        return "/" + string.Join('/', done);
    }

    /// <summary>The <c>/proc/PID/root</c> with which an absolute path begins, or null.</summary>
    internal static string? RootOfProcess(string path) =>
        path.Split('/', 5) is ["", "proc", var pid, "root", ..] && (pid == "self" || (pid.Length > 0 && pid.All(char.IsAsciiDigit))) ? $"/proc/{pid}/root" : null;

    private static void Push(Stack<string> pending, string path)
    {
        foreach (var part in path.Split('/').Reverse())
        {
            if (part.Length > 0 && part != ".")
            {
                pending.Push(part);
            }
        }
    }
}
