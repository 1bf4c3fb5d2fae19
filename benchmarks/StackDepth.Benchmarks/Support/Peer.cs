namespace StackDepth.Benchmarks.Support;

/// <summary>bpftrace in its chroot.</summary>
internal static class Peer
{
    internal const string Consumer = "/tmp/stackdepth-consumer";

    internal static string Root { get; } = Environment.GetEnvironmentVariable("STACKDEPTH_PEER") is { Length: > 0 } root && File.Exists(root + "/usr/bin/bpftrace")
        ? root
        : throw new InvalidOperationException("STACKDEPTH_PEER names no folder with a bpftrace: start the benchmarks by benchmarks/run.sh.");

    internal static string Version { get; } = Commands.Run("chroot", Root, "bpftrace", "--version").Output.Trim();

    internal static string[] Command(string script, string childCommand) => ["chroot", Root, "bpftrace", "-q", "-e", script, "-c", childCommand];

    internal static string[] Chroot(params string[] command) => ["chroot", Root, .. command];
}

/// <summary>A folder that is visible under the same path inside and outside the chroot.</summary>
internal sealed class SharedFolder : IDisposable
{
    private readonly string _inside;
    private readonly bool _made;

    private SharedFolder(string path)
    {
        Path = path;
        _inside = Peer.Root + path;
        _made = !Directory.Exists(_inside);
        Directory.CreateDirectory(_inside);
        Commands.Run("mount", "--bind", path, _inside);
    }

    internal string Path { get; }

    /// <summary>A new, empty folder.</summary>
    internal static SharedFolder Create() => new(Directory.CreateTempSubdirectory("stackdepth-bench-").FullName);

    /// <summary>A folder that exists.</summary>
    internal static SharedFolder Share(string path) => new(path);

    public void Dispose()
    {
        Commands.Run("umount", _inside);
        if (_made)
            Directory.Delete(_inside);
    }
}

/// <summary>A file that the chroot does not have, visible there under the same path.</summary>
internal sealed class SharedFile : IDisposable
{
    private readonly string _inside;

    internal SharedFile(string path)
    {
        _inside = Peer.Root + path;
        if (File.Exists(_inside) && new FileInfo(_inside).Length > 0)
            throw new InvalidOperationException($"{_inside} is there already; it would be probed in place of {path}.");
        File.Create(_inside).Dispose();
        Commands.Run("mount", "--bind", path, _inside);
    }

    public void Dispose()
    {
        Commands.Run("umount", _inside);
        File.Delete(_inside);
    }
}
