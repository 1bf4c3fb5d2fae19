using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>The vDSO: code of the kernel's that every process has mapped, of one image for all of this machine's 64-bit processes, and no file anywhere.</summary>
internal static class VdsoImage
{
    private const int MaxBytes = 1 << 20;
    private const uint CloseOnExec = 1;

    /// <summary>A copy of the image of this process's own, as a file in memory; null where there is none.</summary>
    internal static unsafe SafeFileHandle? Open()
    {
        var range = Find(File.ReadLines("/proc/self/maps"));
        if (range is not (var start, var length))
        {
            return null;
        }

        var descriptor = LibC.MemoryFile("stackdepth-vdso", CloseOnExec);
        if (descriptor < 0)
        {
            throw new IOException($"The vDSO cannot be copied: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
        }

        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            // Mapped for as long as the process lives.
            RandomAccess.Write(file, new ReadOnlySpan<byte>((void*)start, length), 0);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static (nuint Start, int Length)? Find(IEnumerable<string> maps)
    {
        foreach (var line in maps)
        {
            if (line.EndsWith(" [vdso]", StringComparison.Ordinal)
                && line.Split(' ', 2)[0].Split('-') is [var first, var last]
                && ulong.TryParse(first, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var start)
                && ulong.TryParse(last, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var end)
                && end > start && end - start <= MaxBytes)
            {
                return ((nuint)start, (int)(end - start));
            }
        }

        return null;
    }
}
