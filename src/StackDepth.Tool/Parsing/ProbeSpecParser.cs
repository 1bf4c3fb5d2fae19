using System.Globalization;

namespace StackDepth.Tool.Parsing;

/// <summary>
/// Reads a probe as bpftrace writes it. Of <c>uprobe:BINARY:SYMBOL</c> BINARY ends at the first colon, so that symbols may hold colons (<c>ns::fn</c>, Go's
/// <c>type:.eq.T</c>); a path that holds one is written in double quotes. SYMBOL may be quoted too.
/// </summary>
internal static class ProbeSpecParser
{
    private const string Form = "uprobe:BINARY:SYMBOL (or u:BINARY:SYMBOL)";
    private const string Forms = "uprobe:BINARY:SYMBOL, uretprobe:BINARY:SYMBOL, kprobe:FUNCTION, kretprobe:FUNCTION, tracepoint:CATEGORY:NAME, rawtracepoint:NAME, fentry:FUNCTION, fexit:FUNCTION, usdt:BINARY:PROVIDER:NAME, profile:hz:N, interval:s:N or software:EVENT:COUNT";

    internal static ProbeSpec Parse(string written)
    {
        var text = written.Trim();
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var type = colon < 0 ? text : text[..colon];
        switch (type)
        {
            case "uprobe" or "u":
                var (binary, next) = Binary(text, colon + 1);
                return new(text, binary, Symbols(text, next));
            case "uretprobe" or "ur" when colon >= 0:
                var (returning, symbols) = Binary(text, colon + 1);
                return new(text, returning, Symbols(text, symbols), ProbeKind.UserReturn);
            case "kretprobe" or "kr" when colon >= 0:
                return new(text, "", Symbols(text, colon + 1), ProbeKind.KernelReturn);
            case "kprobe" or "k" when colon >= 0:
                return new(text, "", Symbols(text, colon + 1), ProbeKind.Kernel);
            case "tracepoint" or "t" when colon >= 0:
                var (category, name) = Binary(text, colon + 1);
                return new(text, category, Symbols(text, name), ProbeKind.Tracepoint);
            case "rawtracepoint" or "rt" when colon >= 0:
                return new(text, "", Symbols(text, colon + 1), ProbeKind.RawTracepoint);
            case "fentry" or "kfunc" or "f" when colon >= 0:
                return new(text, "", Symbols(text, colon + 1), ProbeKind.FEntry);
            case "fexit" or "kretfunc" or "fr" when colon >= 0:
                return new(text, "", Symbols(text, colon + 1), ProbeKind.FExit);
            case "usdt" or "U" when colon >= 0:
                return Usdt(text, colon + 1);
            case "profile" or "p" when colon >= 0:
                return Profile(text, colon + 1);
            case "interval" or "i" when colon >= 0:
                return Interval(text, colon + 1);
            case "software" or "s" when colon >= 0:
                return Software(text, colon + 1);
            default:
                throw WrongType(text, type, colon);
        }
    }

    private static ProbeSpec Profile(string text, int start)
    {
        if (!text.AsSpan(start).StartsWith("hz:", StringComparison.Ordinal))
            throw new UsageException("A profile is written by its samples a second: profile:hz:99.", text, start);
        return new(text, "", "", ProbeKind.Profile, Number(text, start + "hz:".Length));
    }

    /// <summary><c>BINARY:PROVIDER:NAME</c>, or <c>BINARY:NAME</c> for any provider.</summary>
    private static ProbeSpec Usdt(string text, int start)
    {
        var (binary, next) = Binary(text, start);
        var colon = text.IndexOf(':', next);
        var provider = colon < 0 ? "*" : NotEmpty(text[next..colon], text, next, "The provider is missing");
        return new(text, binary, Symbols(text, colon < 0 ? next : colon + 1), ProbeKind.Usdt) { Provider = provider };
    }

    private static ProbeSpec Interval(string text, int start)
    {
        const int Second = 1_000_000;
        var colon = text.IndexOf(':', start);
        var unit = colon < 0 ? "" : text[start..colon];
        var number = unit is "us" or "ms" or "s" or "hz" ? Number(text, colon + 1) : throw new UsageException("An interval is written with its unit, us, ms, s or hz: interval:s:1.", text, start);
        var microseconds = unit switch
        {
            "us" => number,
            "ms" => number * 1_000L,
            "s" => number * (long)Second,
            _ => Second / number,
        };
        return microseconds is >= 10 and <= int.MaxValue
            ? new(text, "", "", ProbeKind.Interval, (int)microseconds)
            : throw new UsageException("An interval is between 10 microseconds and 2,147 seconds.", text, colon + 1);
    }

    private static ProbeSpec Software(string text, int start)
    {
        var colon = text.IndexOf(':', start);
        var name = NotEmpty(colon < 0 ? text[start..] : text[start..colon], text, start, "The event is missing");
        return new(text, name, "", ProbeKind.Software, colon < 0 ? 1 : Number(text, colon + 1));
    }

    private static int Number(string text, int start) => int.TryParse(text.AsSpan(start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
        ? number
        : throw new UsageException("A number above 0 belongs here, and nothing behind it.", text, start);

    private static UsageException WrongType(string text, string type, int colon) => KindOf(type) is { } kind
        ? new($"{kind} probes are not supported yet: what is supported now is {Forms}.", text, 0)
        : colon < 0
            ? new($"This is not a probe: write {Forms}.", text, 0)
            : new($"There is no probe type of this name: write {Forms}.", text, 0);

    /// <summary>bpftrace's probe types by their long names, from either name.</summary>
    private static string? KindOf(string type) => type switch
    {
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
        string.IsNullOrWhiteSpace(value) ? throw new UsageException($"{message}: write {Forms}.", text, position) : value;
}
