using System.Buffers.Binary;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Python;

/// <summary>A file that has a CPython in it: a program, or the library that programs load.</summary>
/// <param name="Version">For people: <c>3.12</c>, or more of it.</param>
/// <param name="RuntimeFromCode">What to add to where offset 0 of the file would lie if all of it were mapped as its code is, to get where the runtime is.</param>
/// <param name="Layout">Where its structures' fields are; null where that is not known.</param>
/// <param name="Unsupported">Why that is not known.</param>
internal sealed record PythonFile(string Version, ulong RuntimeFromCode, PythonLayout? Layout, string? Unsupported)
{
    private const byte SymbolObject = 1; // STT_OBJECT
    private const int MostSymbols = 1 << 22;

    /// <summary>What is to be known of a file; null where it has no CPython that its symbols tell of.</summary>
    /// <exception cref="ElfException">The file is damaged.</exception>
    internal static PythonFile? Read(ElfImage image)
    {
        var symbols = Find(image, image.DynamicSymbols);
        if (symbols.Runtime is null)
        {
            symbols = Find(image, image.Symbols);
        }

        if (symbols.Runtime is not { } runtime || image.CodeSegments.IsEmpty)
        {
            return null;
        }

        ref readonly var code = ref image.CodeSegments[0];
        var fromCode = unchecked(runtime.Value + code.Offset - code.Address);
        var (version, layout, why) = LayoutOf(image, symbols);
        foreach (ref readonly var other in image.CodeSegments)
        {
            if (unchecked(other.Offset - other.Address) != unchecked(code.Offset - code.Address))
            {
                (layout, why) = (null, "its parts of code lie otherwise to each other than in the file");
            }
        }

        return new PythonFile(version, fromCode, layout, layout is null ? why : null);
    }

    private static (string Version, PythonLayout? Layout, string Why) LayoutOf(ElfImage image, Symbols symbols)
    {
        if (symbols.Version is not { } symbol)
        {
            // Before 3.11 nothing in the file is its version: what the API has tells it, and the size of the runtime proves it.
            return (symbols.HasIterSend, symbols.HasAddType, symbols.Runtime!.Value.Size) switch
            {
                (true, true, PythonLayouts.RuntimeSize310) => ("3.10", PythonLayouts.V310, ""),
                (false, true, PythonLayouts.RuntimeSize39) => ("3.9", PythonLayouts.V39, ""),
                (_, _, var size) => ("of unknown version", null, $"it is none of 3.9 to 3.14 (its runtime has {size} bytes)"),
            };
        }

        Span<byte> bytes = stackalloc byte[PythonDebugOffsets.Bytes];
        if (!TryRead(image, symbol.Value, bytes[..sizeof(uint)]))
        {
            return ("of unknown version", null, "its version cannot be read");
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        var name = $"{version >> 24}.{(version >> 16) & 0xff}.{(version >> 8) & 0xff}";
        switch (version >> 16)
        {
            case 0x030b:
                return (name, PythonLayouts.V311, "");
            case 0x030c:
                return (name, PythonLayouts.V312, "");
            default:
                if (!TryRead(image, symbols.Runtime!.Value.Value, bytes) || !PythonDebugOffsets.Has(bytes))
                {
                    return (name, null, "its runtime does not describe itself");
                }

                var layout = PythonDebugOffsets.Read(bytes, version, out var why);
                return (name, layout, why);
        }
    }

    private static bool TryRead(ElfImage image, ulong address, Span<byte> bytes)
    {
        foreach (ref readonly var segment in image.Segments)
        {
            if (segment.IsLoad && segment.TryGetOffset(address, out var offset) && segment.TryGetOffset(address + (ulong)bytes.Length - 1, out _)
                && offset < image.Length && (ulong)bytes.Length <= image.Length - offset)
            {
                image.Fill(offset, bytes);
                return true;
            }
        }

        return false;
    }

    private static Symbols Find(ElfImage image, ElfSymbolTable table)
    {
        var found = new Symbols();
        // Names may overlap, but not without end.
        var budget = (64L * MostSymbols) + (long)image.Length;
        for (var index = 0; index < Math.Min(table.Count, MostSymbols); index++)
        {
            ref readonly var symbol = ref table[index];
            if (!symbol.IsDefined || (symbol.Type != SymbolObject && !symbol.IsFunction))
            {
                continue;
            }

            var name = table.FullNameOf(symbol);
            budget -= name.Length + 1;
            if (budget < 0)
            {
                throw new ElfException(image.Path, $"is damaged: the names of {table.Source} overlap without end.");
            }

            switch (symbol.Type)
            {
                case SymbolObject when name.SequenceEqual("_PyRuntime"u8):
                    found = found with { Runtime = symbol };
                    break;
                case SymbolObject when name.SequenceEqual("Py_Version"u8):
                    found = found with { Version = symbol };
                    break;
                case ElfConstants.SymbolFunction when name.SequenceEqual("PyIter_Send"u8):
                    found = found with { HasIterSend = true };
                    break;
                case ElfConstants.SymbolFunction when name.SequenceEqual("PyModule_AddType"u8):
                    found = found with { HasAddType = true };
                    break;
            }
        }

        return found;
    }

    private readonly record struct Symbols(ElfSymbol? Runtime, ElfSymbol? Version, bool HasIterSend, bool HasAddType);
}
