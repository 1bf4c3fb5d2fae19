namespace StackDepth.Tool.Parsing;

/// <summary>
/// Reads a probe as bpftrace writes it: <c>uprobe:BINARY:SYMBOL</c>. BINARY ends at the first colon, so that symbols may hold colons (<c>ns::fn</c>, Go's
/// <c>type:.eq.T</c>); a path that holds one is written in double quotes. SYMBOL may be quoted too.
/// </summary>
internal static class ProbeSpecParser
{
    private const string Form = "uprobe:BINARY:SYMBOL (or u:BINARY:SYMBOL)";

    internal static ProbeSpec Parse(string written)
    {
        var text = written.Trim();
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var type = colon < 0 ? text : text[..colon];
        if (type is not ("uprobe" or "u"))
            throw WrongType(text, type, colon);
        var (binary, next) = Binary(text, colon + 1);
        return new(text, binary, Symbols(text, next));
    }

    private static UsageException WrongType(string text, string type, int colon) => KindOf(type) is { } kind
        ? new($"{kind} probes are not supported yet: what is supported now is {Form}, at the entry of a user-space function.", text, 0)
        : colon < 0
            ? new($"This is not a probe: write {Form}.", text, 0)
            : new($"There is no probe type of this name: write {Form}.", text, 0);

    /// <summary>bpftrace's probe types by their long names, from either name.</summary>
    private static string? KindOf(string type) => type switch
    {
        "uretprobe" or "ur" => "uretprobe",
        "kprobe" or "k" => "kprobe",
        "kretprobe" or "kr" => "kretprobe",
        "kfunc" or "kretfunc" or "fentry" or "fexit" or "f" or "fr" => "fentry and fexit",
        "tracepoint" or "t" => "tracepoint",
        "rawtracepoint" or "rt" => "rawtracepoint",
        "usdt" or "U" => "usdt",
        "profile" or "p" => "profile",
        "interval" or "i" => "interval",
        "software" or "s" => "software",
        "hardware" or "h" => "hardware",
        "watchpoint" or "w" or "asyncwatchpoint" or "aw" => "watchpoint",
        "iter" or "it" => "iter",
        "BEGIN" or "END" or "begin" or "end" or "self" or "bench" or "test" => type,
        _ => null,
    };

    private static (string Binary, int Next) Binary(string text, int start)
    {
        if (start < text.Length && text[start] == '"')
        {
            var (quoted, end) = Quoted(text, start);
            if (end >= text.Length || text[end] != ':')
                throw new UsageException("A colon and the function's name must follow the quoted path.", text, end);
            return (NotEmpty(quoted, text, start, "The binary is missing"), end + 1);
        }
        var colon = text.IndexOf(':', start);
        if (colon < 0)
            throw new UsageException($"The function's name is missing: write {Form}.", text, text.Length);
        return (NotEmpty(text[start..colon], text, start, "The binary is missing"), colon + 1);
    }

    private static string Symbols(string text, int start)
    {
        if (start < text.Length && text[start] == '"')
        {
            var (quoted, end) = Quoted(text, start);
            return end == text.Length
                ? NotEmpty(quoted, text, start, "The function's name is missing")
                : throw new UsageException("Nothing may follow the quoted function's name: one probe, without an action.", text, end);
        }
        var symbols = text[start..];
        if (symbols.StartsWith("cpp:", StringComparison.Ordinal))
            throw new UsageException("C++ names are matched as the file has them, which is mangled: write the mangled name, as nm shows it, or a glob such as '*3Foo3bar*' for Foo::bar.", text, start);
        if (symbols.AsSpan().IndexOfAny('{', '}') is >= 0 and var brace)
            throw new UsageException("Write the probe alone, without an action: what is measured is always the stack's depth.", text, start + brace);
        if (NextProbe(symbols) is >= 0 and var comma)
            throw new UsageException("Only one probe can be given: use a glob for several functions.", text, start + comma);
        return NotEmpty(symbols, text, start, "The function's name is missing");
    }

    private static int NextProbe(string symbols)
    {
        var comma = symbols.IndexOf(",uprobe:", StringComparison.Ordinal);
        return comma >= 0 ? comma : symbols.IndexOf(",u:", StringComparison.Ordinal);
    }

    private static (string Value, int End) Quoted(string text, int start)
    {
        var end = text.IndexOf('"', start + 1);
        return end < 0 ? throw new UsageException("The closing quotation mark is missing.", text, start) : (text[(start + 1)..end], end + 1);
    }

    private static string NotEmpty(string value, string text, int position, string message) =>
        string.IsNullOrWhiteSpace(value) ? throw new UsageException($"{message}: write {Form}.", text, position) : value;
}
