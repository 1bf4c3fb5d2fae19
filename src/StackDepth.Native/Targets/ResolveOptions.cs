namespace StackDepth.Native.Targets;

/// <summary>From where, for whom and how much <see cref="TargetResolver"/> resolves.</summary>
internal sealed record ResolveOptions
{
    /// <summary>Resolve as this process sees it: its mapped files first, then its root directory.</summary>
    public int? Pid { get; init; }

    /// <summary>A glob that matches more functions than this is refused: each is a breakpoint in the target.</summary>
    public int MaxFunctions { get; init; } = 10_000;

    /// <summary>
    /// Whether the kernel makes a call of a probed five-byte nop. The call leads into a page that a forked child does not get, so the child of a process that has been through the
    /// probe dies there (seen on Linux 6.18): such places are not probed.
    /// </summary>
    public bool NopsBecomeCalls { get; init; }

    /// <summary>Whether sites are to say where their functions' cold parts are.</summary>
    public bool FindsColdParts { get; init; }

    /// <summary>Where relative paths begin, and where pyenv looks for .python-version.</summary>
    public string WorkingDirectory { get; init; } = System.Environment.CurrentDirectory;

    /// <summary>The variables that choose the program (PATH, PYENV_VERSION, LD_LIBRARY_PATH ...); our own when null.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    internal string? Variable(string name) => Environment is null
        ? System.Environment.GetEnvironmentVariable(name)
        : Environment.TryGetValue(name, out var value) ? value : null;
}
