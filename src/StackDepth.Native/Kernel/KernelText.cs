using StackDepth.Native.Sys;

namespace StackDepth.Native.Kernel;

/// <summary>Reads long lists of the kernel's, some MB in /proc, tracefs or debugfs.</summary>
internal static class KernelText
{
    /// <summary>Null where the file is absent or may not be read. A fake's <see cref="SystemCalls.ReadText"/> is asked first: tests write such lists themselves.</summary>
    internal static byte[]? Read(string path, SystemCalls sys)
    {
        try
        {
            return ReferenceEquals(sys, SystemCalls.Real) ? File.ReadAllBytes(path)
                : sys.ReadText(path) is { } text ? System.Text.Encoding.UTF8.GetBytes(text) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
