using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using StackDepth.Native.Spec;

namespace StackDepth.Native.Asm;

/// <summary>
/// Listings in the style of the kernel's verifier log, stable enough for golden files: a header line for each function, the slot number on every line, the
/// target slot of jumps in angle brackets, comments from a fixed column on, lines that end with "\n" on every system.
/// </summary>
internal static class Disassembler
{
    /// <summary>The column of the <c>;</c> before a comment; fixed, so that one long line does not move the comments of all others.</summary>
    private const int CommentColumn = 56;

    /// <summary>One instruction and its comment, without a slot number; jumps are shown relative to the next slot only.</summary>
    internal static string Format(Instruction instruction)
    {
        var text = InstructionText.Describe(instruction, slot: null, functions: []);
        return instruction.Comment is { Length: > 0 } comment ? $"{text} ; {InstructionText.Escape(comment)}" : text;
    }

    /// <summary>One line of a listing, without its line end: the instruction at <paramref name="slot"/> with the targets of jumps and calls resolved.</summary>
    internal static string Format(Instruction instruction, int slot, ImmutableArray<FunctionInfo> functions)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{slot,6}: {InstructionText.Describe(instruction, slot, functions)}");
        return instruction.Comment is { Length: > 0 } comment
            ? $"{text.PadRight(CommentColumn - 1)} ; {InstructionText.Escape(comment)}"
            : text;
    }

    /// <summary>The listing of a whole program. Functions that begin at no instruction's slot are left out.</summary>
    internal static string Format(IEnumerable<Instruction> instructions, ImmutableArray<FunctionInfo> functions)
    {
        if (functions.IsDefault)
            functions = [];
        var listing = new StringBuilder();
        var slot = 0;
        foreach (var instruction in instructions)
        {
            foreach (var function in functions)
            {
                if (function.Slot != slot)
                    continue;
                if (slot > 0)
                    listing.Append('\n');
                listing.Append(InstructionText.Escape(function.Name)).Append(":\n");
            }

            listing.Append(Format(instruction, slot, functions)).Append('\n');
            slot += instruction.Slots;
        }

        return listing.ToString();
    }

    /// <summary>The listing of an assembled program.</summary>
    internal static string Format(AssembledCode code) => Format(code.Instructions, code.Functions);
}
