using System.Buffers.Binary;
using StackDepth.Native.Elf;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>Finds or makes a folder that only this user can write to.</summary>
internal static class UnwindCacheFolder
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const int OthersWrite = 0x2;
    private const int GroupWrite = 0x10;
    private const int Sticky = 0x200;
    private const int KindMask = 0xf000;
    private const int KindFolder = 0x4000;

    /// <summary>The user's cache folder; null without HOME. A relative XDG_CACHE_HOME does not count (XDG Base Directory Specification 0.8).</summary>
    internal static string? FindBase(Func<string, string?> environment)
    {
        if (environment("XDG_CACHE_HOME") is ['/', ..] cache)
        {
            return cache;
        }

        return environment("HOME") is ['/', ..] home ? Path.Join(home, ".cache") : null;
    }

    /// <summary>The folder for tables below the user's cache folder, made where it is missing; or null, and why it is not used.</summary>
    internal static string? Prepare(string root, out string? problem)
    {
        try
        {
            // Whoever can write to the root can replace what is in it, so checks below it would be worth nothing. In a folder such as /tmp, with the sticky bit, they cannot.
            Create(root);
            if (!TryGetStatus(root, followLink: true, out var owner, out var mode) || (owner != 0 && owner != LibC.GetEUid())
                || (mode & (OthersWrite | Sticky)) == OthersWrite)
            {
                problem = $"{PrintableText.Escape(root)} belongs to another user, or others can write to it.";
                return null;
            }

            var folder = root;
            foreach (var name in (ReadOnlySpan<string>)["stackdepth", "unwind"])
            {
                folder = Path.Join(folder, name);
                Create(folder);
                if (!TryGetStatus(folder, followLink: false, out owner, out mode) || (mode & KindMask) != KindFolder || owner != LibC.GetEUid()
                    || (mode & (OthersWrite | GroupWrite)) != 0)
                {
                    problem = $"{PrintableText.Escape(folder)} is not a folder of this user alone.";
                    return null;
                }
            }

            problem = null;
            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            problem = PrintableText.Escape(error.Message);
            return null;
        }
    }

    private static void Create(string folder)
    {
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder, Private);
        }
    }

    private static unsafe bool TryGetStatus(string path, bool followLink, out uint owner, out int mode)
    {
        const int currentFolder = -100, noFollow = 0x100, ownerAt = 20, modeAt = 28;
        const uint maskTypeModeOwner = 0x1 | 0x2 | 0x8;
        Span<byte> status = stackalloc byte[256];
        fixed (byte* pointer = status)
        {
            var result = LibC.StatX(currentFolder, path, followLink ? 0 : noFollow, maskTypeModeOwner, pointer);
            owner = BinaryPrimitives.ReadUInt32LittleEndian(status[ownerAt..]);
            mode = BinaryPrimitives.ReadUInt16LittleEndian(status[modeAt..]);
            return result == 0;
        }
    }
}
