using System.Text;
using Microsoft.Win32.SafeHandles;

namespace StackDepth.Tool.Output;

/// <summary>
/// The tool's own writers. The console's streams set up a terminal at the first write: they send it a mode string, even under NO_COLOR, that stays in force after
/// the exit. To pipes and files they are the better ones: they write at the shared position of the file, and stop quietly when a pipe's reader is gone.
/// </summary>
internal static class StandardStreams
{
    private static readonly Lazy<TextWriter> s_output = new(static () => Open(OpenOutput()));
    private static readonly Lazy<TextWriter> s_error = new(static () => Open(Console.IsErrorRedirected ? Console.OpenStandardError() : Terminal(2)));

    /// <summary>Whether the terminal's character set has more than ASCII's characters.</summary>
    internal static bool IsUnicode => Console.OutputEncoding.CodePage == Encoding.UTF8.CodePage;

    internal static TextWriter Output => s_output.Value;

    internal static TextWriter Error => s_error.Value;

    /// <summary>Standard output for bytes.</summary>
    internal static Stream OpenOutput() => Console.IsOutputRedirected ? Console.OpenStandardOutput() : Terminal(1);

    private static FileStream Terminal(int descriptor) => new(new SafeFileHandle(descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);

    private static TextWriter Open(Stream stream) =>
        TextWriter.Synchronized(new StreamWriter(stream, IsUnicode ? new UTF8Encoding(false) : Console.OutputEncoding) { AutoFlush = true });
}
