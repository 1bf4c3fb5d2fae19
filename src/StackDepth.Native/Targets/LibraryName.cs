namespace StackDepth.Native.Targets;

/// <summary>The parts of library and program names: <c>libpython3.12.so.1.0</c> is stem <c>python</c>, version <c>3.12</c>.</summary>
internal static class LibraryName
{
    private static readonly string[] SystemStems =
        ["c", "m", "dl", "pthread", "rt", "util", "gcc_s", "stdc++", "crypt", "resolv", "ld-linux-x86-64", "ld-linux-aarch64", "linux-vdso"];

    /// <summary>The name between <c>lib</c> and <c>.so</c>, or null when it is not a shared library's name.</summary>
    internal static string? Body(string fileName)
    {
        var end = fileName.IndexOf(".so", StringComparison.Ordinal);
        if (end <= 0 || (end + 3 < fileName.Length && fileName[end + 3] != '.'))
        {
            return null;
        }

        var start = fileName.StartsWith("lib", StringComparison.Ordinal) && end > 3 ? 3 : 0;
        return fileName[start..end];
    }

    /// <summary>Whether it belongs to the C or C++ run time, which every program needs and none has as its body.</summary>
    internal static bool IsSystem(string fileName) => Body(fileName) is not { } body || Array.IndexOf(SystemStems, body) >= 0;

    /// <summary>Whether a file name is what the short form <paramref name="name"/> means: libc.so.6 for <c>libc</c> and <c>c</c>, libc-2.31.so for <c>libc</c>.</summary>
    internal static bool IsShortFor(string name, string fileName) =>
        Body(fileName) is { } body && (Same(body, name) || (name.StartsWith("lib", StringComparison.Ordinal) && Same(body, name[3..])));

    /// <summary>Splits at the first digit: <c>python3.12</c> is (python, 3.12).</summary>
    internal static (string Stem, string Version) Split(string name)
    {
        var digit = name.AsSpan().IndexOfAnyInRange('0', '9');
        return digit <= 0 ? (name, string.Empty) : (name[..digit].TrimEnd('-', '_', '.'), name[digit..]);
    }

    /// <summary>Whether one version refines the other: 3 and 3.12, not 3.1 and 3.12. No version goes with all.</summary>
    internal static bool VersionsAgree(string a, string b)
    {
        var (shorter, longer) = a.Length <= b.Length ? (a, b) : (b, a);
        return longer.StartsWith(shorter, StringComparison.Ordinal)
            && (shorter.Length is 0 || shorter.Length == longer.Length || !char.IsAsciiDigit(longer[shorter.Length]));
    }

    private static bool Same(string body, string name) =>
        name.Length > 0 && body.StartsWith(name, StringComparison.Ordinal)
        && (body.Length == name.Length || (body.Length > name.Length + 1 && body[name.Length] == '-' && char.IsAsciiDigit(body[name.Length + 1])));
}
