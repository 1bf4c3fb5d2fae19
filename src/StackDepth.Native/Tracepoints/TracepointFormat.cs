using System.Collections.Immutable;
using System.Globalization;

namespace StackDepth.Native.Tracepoints;

/// <summary>How a field's bytes are meant.</summary>
internal enum TracepointFieldKind
{
    /// <summary>A number or a pointer of <see cref="TracepointField.Size"/> bytes.</summary>
    Value,

    /// <summary>An array of <see cref="TracepointField.Length"/> elements in the record; of <c>char</c>, text that ends at its first NUL or its end.</summary>
    Array,

    /// <summary>32 bits: the low half is the offset of the data from the record's start, the high half their length in bytes (<c>__data_loc</c>).</summary>
    DataLocation,

    /// <summary>The same, but from behind the field (<c>__rel_loc</c>, Linux 5.17).</summary>
    RelativeLocation,
}

/// <summary>A field of a tracepoint's record.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its C type, without <c>__data_loc</c> and array bounds: <c>pid_t</c>, <c>const char *</c>, <c>char</c>.</param>
/// <param name="Offset">From the record's start, which is the program's context, in bytes. A program may read from offset 8 on: the kernel keeps a pointer in the common fields' place.</param>
/// <param name="Size">In the record, in bytes.</param>
/// <param name="IsSigned">Of a number, or of an array's elements.</param>
/// <param name="Kind">What its bytes are.</param>
/// <param name="Length">How many elements an array has; else 1.</param>
internal sealed record TracepointField(string Name, string Type, int Offset, int Size, bool IsSigned, TracepointFieldKind Kind, int Length)
{
    internal bool IsPointer => Kind == TracepointFieldKind.Value && Type.EndsWith('*');

    /// <summary>Whether it is text: characters in an array, in the record or behind it.</summary>
    internal bool IsText => Kind != TracepointFieldKind.Value && Type is "char" or "const char";
}

/// <summary>A tracepoint as its <c>format</c> file describes it.</summary>
/// <param name="Group">Such as <c>sched</c>.</param>
/// <param name="Name">Such as <c>sched_switch</c>.</param>
/// <param name="Id">perf_event_attr.config.</param>
/// <param name="Fields">In their order, those common to all tracepoints first.</param>
internal sealed record TracepointFormat(string Group, string Name, int Id, ImmutableArray<TracepointField> Fields)
{
    private const int MaxFields = 512, MaxName = 256, MaxRecord = 1 << 16;

    /// <summary>Where a program may begin to read.</summary>
    internal const int FirstReadable = 8;

    internal TracepointField? Field(string name) => Fields.FirstOrDefault(field => field.Name == name);

    /// <summary>Null where the text is no description of a tracepoint.</summary>
    internal static TracepointFormat? Parse(string group, string name, string text)
    {
        int? id = null;
        var fields = ImmutableArray.CreateBuilder<TracepointField>();
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            var trimmed = line.Trim();
            if (trimmed.StartsWith("ID:", StringComparison.Ordinal))
            {
                id = Number(trimmed[3..]);
            }
            else if (trimmed.StartsWith("field:", StringComparison.Ordinal))
            {
                if (fields.Count == MaxFields || ParseField(trimmed["field:".Length..]) is not { } field)
                {
                    return null;
                }

                fields.Add(field);
            }
            else if (trimmed.StartsWith("print fmt:", StringComparison.Ordinal))
            {
                break;
            }
        }

        return id is { } number && fields.Count > 0 ? new TracepointFormat(group, name, number, fields.ToImmutable()) : null;
    }

    /// <summary><c>char prev_comm[16];	offset:8;	size:16;	signed:0;</c></summary>
    private static TracepointField? ParseField(ReadOnlySpan<char> text)
    {
        var end = text.IndexOf(';');
        if (end <= 0 || Attribute(text[end..], "offset:") is not { } offset || Attribute(text[end..], "size:") is not { } size
            || offset > MaxRecord || size > MaxRecord)
        {
            return null;
        }

        return Declaration(text[..end].Trim(), out var type, out var name, out var kind, out var length)
            ? new TracepointField(name, type, offset, size, Attribute(text[end..], "signed:") == 1, kind, length)
            : null;
    }

    private static bool Declaration(ReadOnlySpan<char> text, out string type, out string name, out TracepointFieldKind kind, out int length)
    {
        (type, name, kind, length) = ("", "", TracepointFieldKind.Value, 1);
        if (text.StartsWith("__data_loc ", StringComparison.Ordinal) || text.StartsWith("__rel_loc ", StringComparison.Ordinal))
        {
            kind = text[2] == 'd' ? TracepointFieldKind.DataLocation : TracepointFieldKind.RelativeLocation;
            text = text[(text.IndexOf(' ') + 1)..].TrimStart();
        }

        // The bounds are behind the name, or behind the type of what lies elsewhere: "char name[16]", "char[] name".
        var open = text.IndexOf('[');
        var close = open < 0 ? -1 : text[open..].IndexOf(']') + open;
        if (open >= 0)
        {
            if (close < open)
            {
                return false;
            }

            if (kind == TracepointFieldKind.Value)
            {
                // Older kernels wrote a bound as the macro that it was.
                kind = TracepointFieldKind.Array;
                length = Number(text[(open + 1)..close]) ?? 0;
            }

            text = $"{text[..open]} {text[(close + 1)..]}".AsSpan().Trim();
        }

        var start = text.Length;
        while (start > 0 && (char.IsAsciiLetterOrDigit(text[start - 1]) || text[start - 1] == '_'))
        {
            start--;
        }

        name = text[start..].ToString();
        type = text[..start].Trim().ToString();
        return name.Length is > 0 and <= MaxName && type.Length is > 0 and <= MaxName;
    }

    private static int? Attribute(ReadOnlySpan<char> text, string name)
    {
        var at = text.IndexOf(name, StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        text = text[(at + name.Length)..];
        var end = text.IndexOf(';');
        return Number(end < 0 ? text : text[..end]);
    }

    private static int? Number(ReadOnlySpan<char> text) => int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
