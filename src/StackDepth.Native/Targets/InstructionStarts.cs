using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>Lets only places through where an instruction is known to begin, counted from the nearest start of a function before them.</summary>
internal sealed class InstructionStarts(ElfImage image, ElfSymbolTable[] tables, CodeWindow code)
{
    // No function is as long; a damaged file must not cost a walk through all of it.
    private const ulong LongestWalk = 64UL << 20;

    private const string Harm = "a breakpoint inside an instruction would change what the program does";

    private readonly ElfFrameIndex _frames = new(image);
    private readonly InstructionWalk _walk = new(image, code);

    /// <summary>Whether the address lies in a function of the unwind table, or is the file's entry point.</summary>
    internal bool IsInKnownCode(ulong address) => address == image.EntryPoint || _frames.TryFind(address, out _, out _);

    /// <summary>Why an address that lies in no known function is refused.</summary>
    internal TargetException InNoFunction(ulong address)
    {
        var buildId = image.BuildId.IsEmpty ? string.Empty : $" (build-id {Convert.ToHexStringLower(image.BuildId)})";
        return new TargetException(
            $"0x{address:x} of {PrintableText.Escape(image.Path)} lies in no function that its symbols or its unwind table tell of, so nothing shows that an instruction begins there, and {Harm}. "
                + $"Write a function that the file exports with an offset (symbol+offset), or install its debug symbols{buildId}.");
    }

    /// <summary>Refuses an address where no instruction is known to begin.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="address">The virtual address that it means, in executable code.</param>
    /// <param name="function">The function around it, and where that begins; null when only the unwind table knows it.</param>
    /// <exception cref="TargetException">It lies inside an instruction, or behind bytes that are none.</exception>
    internal void Check(string text, ulong address, (string Name, ulong Address)? function)
    {
        var what = $"'{PrintableText.Escape(text)}' of {PrintableText.Escape(image.Path)}";
        var start = NearestStart(address);
        if (address - start > LongestWalk)
        {
            throw new TargetException($"{what} is refused: it is {address - start} bytes behind the nearest function's start, too far to show that an instruction begins there, and {Harm}.");
        }

        var place = _walk.Place(start, address);
        if (place.IsStart)
        {
            return;
        }

        if (place.Length == 0)
        {
            throw new TargetException($"{what} is refused: the bytes at {Shown(place.Around)} are no instruction that is known here, so nothing shows that one begins behind them, and {Harm}. Write a place before them.");
        }

        var next = place.AfterNext == 0 ? $"the next one begins at {Shown(place.Next)}" : $"the next ones begin at {Shown(place.Next)} and {Shown(place.AfterNext)}";
        throw new TargetException($"{what} lies inside the instruction at {Shown(place.Around)} ({place.Length} bytes), and {Harm}; {next}.");

        string Shown(ulong at) => function is not { } known || at < known.Address ? $"0x{at:x}"
            : at == known.Address ? $"{PrintableText.Escape(known.Name)}+0"
            : $"{PrintableText.Escape(known.Name)}+0x{at - known.Address:x}";
    }

    // The nearest, as data between functions is no instruction, and as it makes the walk short.
    private ulong NearestStart(ulong address)
    {
        if (address == image.EntryPoint)
        {
            return address;
        }

        var nearest = _frames.TryFind(address, out var start, out _) ? start : 0;
        foreach (var table in tables)
        {
            for (var functions = table.Functions(); functions.MoveNext();)
            {
                ref readonly var symbol = ref functions.Symbol;
                if (symbol.IsDefined && symbol.Value <= address && symbol.Value > nearest && image.TryGetCodeOffset(symbol.Value, out _))
                {
                    nearest = symbol.Value;
                }
            }
        }

        return nearest;
    }
}
