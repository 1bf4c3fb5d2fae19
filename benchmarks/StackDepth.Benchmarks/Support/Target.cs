using System.Globalization;

namespace StackDepth.Benchmarks.Support;

/// <summary>The probed C program, driven through two fifos: it calls its leaf as often and as deep as it is told.</summary>
internal sealed class Target : IDisposable
{
    internal const string Leaf = "leaf";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly StreamWriter _commands;
    private readonly StreamReader _replies;
    private readonly string _commandPath;
    private readonly string _replyPath;

    internal Target(SharedFolder folder)
    {
        Binary = Install(folder);
        _commandPath = Fifo(folder, "commands");
        _replyPath = Fifo(folder, "replies");
        // Open for both directions: neither end waits for the other, and neither sees an end of file between two targets.
        _commands = new(new FileStream(_commandPath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0));
        _replies = new(new FileStream(_replyPath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0));
    }

    internal string Binary { get; }

    internal string[] Arguments => ["drive", _commandPath, _replyPath];

    internal string CommandLine => string.Join(' ', [Binary, .. Arguments]);

    /// <summary>Puts the program into a folder that both sides see.</summary>
    internal static string Install(SharedFolder folder)
    {
        var binary = Path.Combine(folder.Path, "target");
        if (!File.Exists(binary))
            File.Copy(Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts", "native", "target"), binary);
        return binary;
    }

    /// <summary>Has the leaf called; answers the nanoseconds per call as the target sees them, trap included.</summary>
    internal double Call(int depth, int calls)
    {
        Send($"{depth} {calls}");
        var reply = _replies.ReadLineAsync();
        return reply.Wait(Patience)
            ? double.Parse(reply.Result!, CultureInfo.InvariantCulture)
            : throw new TimeoutException($"The target did not answer within {Patience.TotalSeconds} s: it has ended, or the tool that starts it has.");
    }

    /// <summary>Ends the target.</summary>
    internal void End() => Send("0 0");

    public void Dispose()
    {
        _commands.Dispose();
        _replies.Dispose();
        File.Delete(_commandPath);
        File.Delete(_replyPath);
    }

    private void Send(string line)
    {
        _commands.WriteLine(line);
        _commands.Flush();
    }

    private static string Fifo(SharedFolder folder, string name)
    {
        var path = Path.Combine(folder.Path, name);
        Commands.Run("mkfifo", path);
        return path;
    }
}
