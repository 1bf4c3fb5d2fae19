using System.Runtime.InteropServices;

namespace StackDepth.Tool.Output;

/// <summary>The terminal's width without <see cref="Console.WindowWidth"/>, which sets up the terminal for line editing first.</summary>
internal static unsafe partial class WindowSize
{
    private const nuint GetWindowSize = 0x5413; // TIOCGWINSZ, on x86-64 and arm64
    private const int StandardOutput = 1;

    /// <summary>Null where standard output has no width.</summary>
    internal static int? Columns()
    {
        var size = stackalloc ushort[4]; // struct winsize: rows, columns, and two in pixels
        return IoControl(StandardOutput, GetWindowSize, size) == 0 && size[1] > 0 ? size[1] : null;
    }

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int IoControl(int descriptor, nuint request, void* argument);
}
