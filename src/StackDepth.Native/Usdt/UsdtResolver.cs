using System.Collections.Immutable;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Usdt;

/// <summary>From what a user writes to places of USDT probes. Nothing is ever executed.</summary>
internal static class UsdtResolver
{
    /// <summary>Takes <c>binary:provider:name</c> apart, or <c>binary:name</c>, which means any provider; a path may have colons.</summary>
    /// <exception cref="TargetException">It has no colon, or an empty part.</exception>
    internal static (string Binary, string Provider, string Name) Split(string text)
    {
        var parts = text.Split(':');
        return parts.Length < 2 || Array.Exists(parts, string.IsNullOrWhiteSpace)
            ? throw new TargetException($"'{PrintableText.Escape(text)}' names no USDT probe: write binary:provider:name, such as 'python3:python:function__entry'; each but the binary may be a glob.")
            : parts.Length == 2 ? (parts[0], "*", parts[1])
            : (string.Join(':', parts[..^2]), parts[^2], parts[^1]);
    }

    /// <summary>Resolves a binary and USDT probes in it.</summary>
    /// <param name="binary">A path, a program on PATH, or a shared library.</param>
    /// <param name="provider">A provider's name, or a glob.</param>
    /// <param name="name">A probe's name, or a glob.</param>
    /// <param name="options">From where and for whom to look.</param>
    /// <returns>The open file with at least one site; the caller disposes it once the probe is attached.</returns>
    /// <exception cref="TargetNotFoundException">No such binary, or no such probe in it.</exception>
    /// <exception cref="TargetException">It is refused; the message says why.</exception>
    internal static UsdtTarget Resolve(string binary, string provider, string name, ResolveOptions options)
    {
        var query = new UsdtQuery(provider, name);
        var locator = new BinaryLocator(options);
        var file = TargetResolver.FollowScripts(locator.Locate(binary), binary, locator);
        try
        {
            return Resolve(binary, query, file, locator);
        }
        catch (ElfException e)
        {
            throw new TargetException(e.Message, e);
        }
        catch (FileNotFoundException e)
        {
            throw new TargetNotFoundException(e.Message, []);
        }
    }

    private static UsdtTarget Resolve(string binary, UsdtQuery query, LocatedFile file, BinaryLocator locator)
    {
        var launcher = Scan(file, query, locator);
        if (launcher.Sites.Length > 0)
        {
            return Target(binary, file, launcher);
        }

        using (launcher.Image)
        {
            if (LauncherBody.TryFind(launcher.Image, file, binary, locator) is { } body)
            {
                body = body with
                {
                    Note = file.WithNote($"{PrintableText.Escape(file.FileName)} is a launcher; its code lives in {PrintableText.Escape(body.Path)}").WithNote(body.Note).Note,
                };
                var inBody = Scan(body, query, locator);
                if (inBody.Sites.Length > 0)
                {
                    return Target(binary, body, inBody);
                }

                using (inBody.Image)
                {
                    throw UsdtNotFound.Create(query, body, inBody.Notes, inBody.LeftOut);
                }
            }

            throw UsdtNotFound.Create(query, file, launcher.Notes, launcher.LeftOut);
        }
    }

    private readonly record struct Scanned(ElfImage Image, List<UsdtNote> Notes, ImmutableArray<UsdtSite> Sites, List<string> LeftOut);

    // The image is the caller's.
    private static Scanned Scan(LocatedFile file, UsdtQuery query, BinaryLocator locator)
    {
        var image = ElfImage.Open(file.OpenPath, file.Path);
        try
        {
            TargetResolver.CheckHasCode(image);
            var notes = UsdtNotes.Read(image);
            var leftOut = new List<string>();
            var sites = new SortedDictionary<ulong, UsdtSite>();
            foreach (var note in notes.Where(query.IsMatch))
            {
                if (UsdtPlace.Find(image, note, locator.Options.NopsBecomeCalls, out var problem) is not { } place)
                {
                    leftOut.Add($"{note.Provider}:{note.Name} ({problem})");
                }
                else if (!sites.TryAdd(place.Offset, new(note.Provider, note.Name, note.Address, place.Offset, place.Semaphore, UsdtArgumentParser.Parse(note.Arguments, image.Machine))))
                {
                    leftOut.Add($"{note.Provider}:{note.Name} (another probe is at the same place)");
                }

                if (sites.Count > locator.Options.MaxFunctions)
                {
                    throw new TargetException(
                        $"{query.Shown} matches more than {locator.Options.MaxFunctions} USDT probes of {PrintableText.Escape(file.Path)}, each a breakpoint in the target: name fewer.");
                }
            }

            return new(image, notes, [.. sites.Values], leftOut);
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static UsdtTarget Target(string binary, LocatedFile file, Scanned scanned) => new()
    {
        Path = file.Path,
        RequestedBinary = binary,
        Note = scanned.LeftOut.Count == 0 ? file.Note : file.WithNote("left out: " + UsdtNotFound.List(scanned.LeftOut)).Note,
        File = scanned.Image.File,
        IsProgram = scanned.Image.IsProgram,
        Sites = scanned.Sites,
    };
}
