using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Elf;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Runtime;

/// <summary>Fields of tracepoints, by their descriptions.</summary>
internal static class TracepointFields
{
    /// <summary>
    /// What types of C hold of the unsigned 64 bits in which a tracepoint of a system call has every argument (struct syscall_trace_enter, include/trace/syscall.h): the system call looks at no more of them.
    /// </summary>
    private static readonly FrozenDictionary<string, (int Bytes, bool IsSigned)> s_ofSystemCalls = new (string Type, int Bytes, bool IsSigned)[]
    {
        ("int", 4, true), ("unsigned int", 4, false), ("unsigned", 4, false), ("short", 2, true), ("unsigned short", 2, false), ("char", 1, true), ("unsigned char", 1, false), ("bool", 1, false),
        ("s32", 4, true), ("__s32", 4, true), ("u32", 4, false), ("__u32", 4, false), ("u16", 2, false), ("u8", 1, false),
        ("pid_t", 4, true), ("uid_t", 4, false), ("gid_t", 4, false), ("old_uid_t", 2, false), ("old_gid_t", 2, false), ("qid_t", 4, false), ("key_t", 4, true), ("key_serial_t", 4, true), ("umode_t", 2, false), ("mode_t", 4, false),
        ("clockid_t", 4, true), ("const clockid_t", 4, true), ("timer_t", 4, true), ("mqd_t", 4, true), ("rwf_t", 4, true), ("landlock_rule_type", 4, false), ("const enum landlock_rule_type", 4, false),
        ("long", 8, true), ("long long", 8, true), ("off_t", 8, true), ("loff_t", 8, true), ("ssize_t", 8, true), ("s64", 8, true), ("__s64", 8, true),
    }.ToFrozenDictionary(static type => type.Type, static type => (type.Bytes, type.IsSigned), StringComparer.Ordinal);

    private const string SystemCalls = "syscalls";

    /// <summary>Where the field lies in the records of all of them.</summary>
    /// <exception cref="ProbeQueryException">One of them has no such field, it differs between them, or it is no number that the type holds.</exception>
    internal static FieldPlace Locate(IrTracepoint probe, ImmutableArray<TracepointFormat> formats, IrField field)
    {
        var (name, index) = Split(field.Name);
        var (first, type, offset) = Find(formats[0], name, index, probe);
        foreach (var other in formats.AsSpan()[1..])
        {
            var (_, otherType, otherOffset) = Find(other, name, index, probe);
            if ((otherType, otherOffset) != (type, offset))
            {
                throw new ProbeQueryException(
                    $"{PrintableText.Escape(field.Name)} is {Describe(type, offset)} in the records of {Name(formats[0])}, and {Describe(otherType, otherOffset)} in those of {Name(other)}: one program reads both. "
                    + "Probe those for themselves in which it is the same.");
            }
        }
        if (first.Offset < TracepointFormat.FirstReadable)
        {
            throw new ProbeQueryException(
                $"{PrintableText.Escape(field.Name)} is one of the fields in whose place the kernel keeps a pointer of its own: a program cannot read it. Write s.Tid for common_pid.");
        }
        type.Check(probe, field);
        return new ContextPlace([offset], type.Bytes, type.IsSigned);
    }

    /// <summary>Where the text lies in the records of all of them.</summary>
    /// <exception cref="ProbeQueryException">One of them has no such field, it differs between them, or it is no text.</exception>
    internal static FieldPlace Locate(IrTracepoint probe, ImmutableArray<TracepointFormat> formats, IrFieldText text)
    {
        var first = Find(formats[0], text.Name, probe);
        foreach (var other in formats.AsSpan()[1..])
        {
            if (Find(other, text.Name, probe) is var field && (field.Kind, field.Offset, field.Size) != (first.Kind, first.Offset, first.Size))
            {
                throw new ProbeQueryException(
                    $"{PrintableText.Escape(text.Name)} lies at byte {first.Offset} in the records of {Name(formats[0])}, and otherwise in those of {Name(other)}: one program reads both. Probe those for themselves in which it is the same.");
            }
        }
        return first.Kind switch
        {
            TracepointFieldKind.Value => new ContextPlace([first.Offset], sizeof(long), IsSigned: false),
            TracepointFieldKind.Array => new TextPlace([first.Offset], TextForm.Array, first.Size),
            TracepointFieldKind.DataLocation => new TextPlace([first.Offset], TextForm.Located, 0),
            _ => new TextPlace([first.Offset], TextForm.RelativelyLocated, 0),
        };

        static TracepointField Find(TracepointFormat format, string name, IrTracepoint probe)
        {
            var field = Named(format, name);
            return field.IsText || field is { IsPointer: true, Size: sizeof(long) } && field.Type.Contains("char", StringComparison.Ordinal) && field.Type.Count(static letter => letter == '*') == 1 ? field
                : throw new ProbeQueryException($"{PrintableText.Escape(probe.ToString())}: {PrintableText.Escape(name)} is {PrintableText.Escape(field.Type)}, and no text. Write Field<long>(\"{PrintableText.Escape(name)}\") for its number.");
        }
    }

    private static TracepointField Named(TracepointFormat format, string name) =>
        format.Field(name) ?? throw UnknownField.Create($"tracepoint:{Name(format)}", name, [.. format.Fields.Where(static field => field.Offset >= TracepointFormat.FirstReadable).Select(static field => field.Name)]);

    private static (TracepointField Field, NumberType Type, int Offset) Find(TracepointFormat format, string name, int? index, IrTracepoint probe)
    {
        var field = Named(format, name);
        var shown = $"{PrintableText.Escape(probe.ToString())}: {PrintableText.Escape(name)}";
        if (field.IsText)
            throw new ProbeQueryException($"{shown} is a text ({PrintableText.Escape(field.Type)}), and no number. Write Field<string>(\"{PrintableText.Escape(name)}\").");
        if (field.Kind is TracepointFieldKind.DataLocation or TracepointFieldKind.RelativeLocation)
            throw new ProbeQueryException($"{shown} has data of variable length ({PrintableText.Escape(field.Type)}[]), which is no number.");
        var bytes = field.Size;
        var at = field.Offset;
        if (field.Kind == TracepointFieldKind.Array)
        {
            bytes = field.Length > 0 ? field.Size / field.Length : 0;
            var element = index ?? throw new ProbeQueryException($"{shown} has {field.Length} elements: name one of them, \"{PrintableText.Escape(name)}[0]\" to \"{PrintableText.Escape(name)}[{field.Length - 1}]\".");
            if (element >= field.Length)
                throw new ProbeQueryException($"{shown} has {field.Length} elements, \"{PrintableText.Escape(name)}[0]\" to \"{PrintableText.Escape(name)}[{field.Length - 1}]\", and no [{element}].");
            at += element * bytes;
        }
        else if (index is not null)
        {
            throw new ProbeQueryException($"{shown} is one {PrintableText.Escape(field.Type)}: leave the index away.");
        }
        var isSigned = field.IsSigned;
        if (format.Group == SystemCalls && bytes == sizeof(long) && s_ofSystemCalls.TryGetValue(field.Type, out var held))
            (bytes, isSigned) = held;
        if (bytes is not (1 or 2 or 4 or 8))
            throw new ProbeQueryException($"{shown} is {PrintableText.Escape(field.Type)}, of {bytes} bytes, and no number.");
        // Who may read a number at an odd place is the kernel: tp_prog_is_valid_access() asks for its alignment.
        if (at % bytes != 0)
            throw new ProbeQueryException($"{shown} lies at byte {at} of the record, where programs of the kernel read no number of {bytes} bytes.");
        return (field, new(field.Type, bytes, isSigned), at);
    }

    /// <summary><c>args[1]</c></summary>
    private static (string Name, int? Index) Split(string text)
    {
        var open = text.IndexOf('[', StringComparison.Ordinal);
        return open > 0 && text.EndsWith(']') && int.TryParse(text.AsSpan(open + 1, text.Length - open - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? (text[..open], index) : (text, null);
    }

    private static string Describe(NumberType type, int offset) => string.Create(CultureInfo.InvariantCulture, $"{PrintableText.Escape(type.Type)} at byte {offset}");

    private static string Name(TracepointFormat format) => PrintableText.Escape($"{format.Group}:{format.Name}");
}
