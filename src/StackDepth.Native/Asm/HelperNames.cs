using System.Globalization;
using System.Text;

namespace StackDepth.Native.Asm;

/// <summary>The kernel's names of helper functions.</summary>
internal static class HelperNames
{
    /// <summary>The kernel's name, such as <c>bpf_map_lookup_elem</c>; <c>unknown</c>, the kernel's own word, for a number that is no helper of the list.</summary>
    internal static string KernelName(this HelperId helper)
    {
        if (Enum.GetName(helper) is not { } member)
            return "unknown";
        // No helper's name has a digit after an underscore, so the capitals alone carry the underscores.
        var name = new StringBuilder("bpf", member.Length + 16);
        foreach (var c in member)
        {
            if (char.IsAsciiLetterUpper(c))
                name.Append('_');
            name.Append(char.ToLower(c, CultureInfo.InvariantCulture));
        }

        return name.ToString();
    }
}
