using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace StackDepth.Native.Targets;

/// <summary>An open file to probe. Attach through <see cref="AttachPath"/> while this is not disposed: it means the file that was read.</summary>
internal abstract class OpenTarget : IDisposable
{
    /// <summary>The file that holds the code, as shown to people (inside the target's root directory).</summary>
    public required string Path { get; init; }

    /// <summary>What the user wrote.</summary>
    public required string RequestedBinary { get; init; }

    /// <summary>What a user should know about how the file was found, and about what was left out; null when there is nothing to say.</summary>
    public string? Note { get; init; }

    public required SafeFileHandle File { get; init; }

    /// <summary>The file as a path for the kernel: <c>/proc/self/fd/N</c>.</summary>
    public string AttachPath => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{File.DangerousGetHandle()}");

    /// <summary>Whether the file is a program, which no process can load beside its own: not a library.</summary>
    public bool IsProgram { get; init; }

    public void Dispose() => File.Dispose();
}
