using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>
/// Some programs are launchers: a main that calls into a library which is the program proper (python3.12 and libpython3.12.so.1.0). The library is taken for
/// the program's body only if all of this holds, so that programs which merely use a library keep their own code:
/// <list type="number">
/// <item>the file is a program (it has PT_INTERP) with at most 16 KiB of code;</item>
/// <item>exactly one needed library, none of the C or C++ run time, shares the program's stem (python), and their versions do not contradict each other;
/// or it is the only such library, and all that the program imports from it is one function whose name says "main";</item>
/// <item>the program imports between 1 and 24 of that library's functions (jq, mount and lua call fifty and more of the library that bears their name, and have
/// logic of their own), and the library has at least eight times as much code.</item>
/// </list>
/// </summary>
internal static class LauncherBody
{
    private const ulong MaxLauncherCode = 16 << 10;
    private const ulong LeastCodeRatio = 8;
    private const int MaxCalls = 24;
    private const int MaxNameLength = 256;

    /// <summary>The body library's file, or null for an ordinary program.</summary>
    internal static LocatedFile? TryFind(ElfImage program, LocatedFile located, string requested, BinaryLocator locator)
    {
        var size = CodeSize(program);
        if (program.Interpreter is null || size > MaxLauncherCode)
        {
            return null;
        }

        var needed = program.Dynamic.Needed.Where(name => !LibraryName.IsSystem(name)).ToArray();
        var related = needed.Where(name => SharesStem(located.FileName, name) || SharesStem(Path.GetFileName(requested), name)).ToArray();
        var name = related.Length == 1 ? related[0] : needed.Length == 1 ? needed[0] : null;
        if (name is null || locator.Needed(name, program, located.Path) is not { } library)
        {
            return null;
        }

        using var body = ElfImage.Open(library.OpenPath, library.Path);
        var imported = CommonFunctions(program, body);
        var isBody = related.Length == 1 ? imported.Count is > 0 and <= MaxCalls : imported.Count == 1 && imported[0].Contains("main", StringComparison.OrdinalIgnoreCase);
        return isBody && CodeSize(body) / LeastCodeRatio >= size ? library : null;
    }

    private static bool SharesStem(string program, string library)
    {
        var (stem, version) = LibraryName.Split(program);
        var (otherStem, otherVersion) = LibraryName.Split(LibraryName.Body(library) ?? string.Empty);
        return stem.Length > 1 && stem == otherStem && LibraryName.VersionsAgree(version, otherVersion);
    }

    private static ulong CodeSize(ElfImage image)
    {
        var size = 0UL;
        foreach (ref readonly var segment in image.CodeSegments)
        {
            size += Math.Min(segment.FileSize, image.Length);
        }

        return size;
    }

    private static List<string> CommonFunctions(ElfImage program, ElfImage library)
    {
        var imports = new HashSet<string>(StringComparer.Ordinal);
        var symbols = program.DynamicSymbols;
        for (var functions = symbols.Functions(); functions.MoveNext();)
        {
            if (!functions.Symbol.IsDefined)
            {
                imports.Add(symbols.NameOf(functions.Index));
            }
        }

        // Imports that are not typed as functions (older linkers) count too.
        for (var i = 1; i < symbols.Count; i++)
        {
            if (!symbols[i].IsDefined && symbols[i].Type == 0)
            {
                imports.Add(symbols.NameOf(i));
            }
        }

        var common = new List<string>();
        if (imports.Count == 0)
        {
            return common;
        }

        for (var functions = library.DynamicSymbols.Functions(); functions.MoveNext();)
        {
            if (functions.Symbol is { IsDefined: true, Binding: not ElfConstants.BindLocal } && functions.Name.Length <= MaxNameLength
                && Encoding.UTF8.GetString(functions.Name) is var name && imports.Remove(name))
            {
                common.Add(name);
            }
        }

        return common;
    }
}
