using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using StackDepth.Native.Sys;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Native.Link;

/// <summary>
/// An event with a probe at each of many places, defined in tracefs (Documentation/trace/uprobetracer.rst; several probes to an event since Linux 5.5). A perf event of it is at all of them at
/// once, and lets go of all of them with the one wait that a single place takes too. It has one cookie for all.
/// </summary>
/// <remarks>
/// The definition is a line of text for each place in <c>uprobe_events</c>, which does nothing while no perf event is open. It does not go with its process, as descriptors do: who is killed leaves
/// the text behind, and whoever defines an event next removes it.
/// </remarks>
internal sealed unsafe class SharedUprobeEvent : IDisposable
{
    private const string Group = "stackdepth";
    private const int OpenWriteOnlyCloseOnExec = 0x80001;

    // What ends a word or a path in the text of a definition.
    private static readonly SearchValues<char> s_marks = SearchValues.Create(" \t\n\r\\:()");

    private readonly string _root;
    private readonly string _name;
    private readonly SystemCalls _sys;
    private bool _isDisposed;

    private SharedUprobeEvent(string root, string name, SystemCalls sys) => (_root, _name, _sys) = (root, name, sys);

    /// <summary>perf_event_attr.config of a tracepoint's perf event.</summary>
    internal ulong Id { get; private set; }

    /// <summary>Defines an event; null where that cannot be done: no tracefs, no right to write there, a place that the kernel refuses, or a path that the text cannot hold.</summary>
    internal static SharedUprobeEvent? TryDefine(UprobeRequest request, SystemCalls sys)
    {
        if (request.AttachPath.AsSpan().ContainsAny(s_marks) || Root(sys) is not { } root)
        {
            return null;
        }

        RemoveAbandoned(root, sys);

        // Of no other event, whatever its process: a line for an event that is there already would be added to it.
        var name = string.Create(CultureInfo.InvariantCulture, $"p{Environment.ProcessId}_{RandomNumberGenerator.GetHexString(16, lowercase: true)}");
        var definition = new SharedUprobeEvent(root, name, sys);
        if (Write(root, Lines(request, name), sys) && ProcText.Number(sys.ReadText($"{root}/events/{Group}/{name}/id")) is > 0 and var id)
        {
            definition.Id = (ulong)id;
            return definition;
        }

        definition.Dispose();
        return null;
    }

    /// <summary>Removes the definition, which no perf event may use any more. Idempotent.</summary>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Remove(_root, _name, _sys);
        }
    }

    private static string? Root(SystemCalls sys) => Tracefs.MountPoints.FirstOrDefault(root => sys.FileExists($"{root}/uprobe_events"));

    private static string Lines(UprobeRequest request, string name)
    {
        var text = new StringBuilder();
        for (var site = 0; site < request.Offsets.Length; site++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(request.IsReturn ? 'r' : 'p')}:{Group}/{name} {request.AttachPath}:0x{request.Offsets[site]:x}");
            if (request.ReferenceCounterAt(site) is not 0 and var counter)
            {
                text.Append(CultureInfo.InvariantCulture, $"(0x{counter:x})");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    // A process of another pid namespace may be taken for one that has ended: what it uses, the kernel keeps (EBUSY).
    private static void RemoveAbandoned(string root, SystemCalls sys)
    {
        foreach (var name in Defined($"{root}/events/{Group}"))
        {
            if (int.TryParse(name.AsSpan(1, name.IndexOf('_', StringComparison.Ordinal) - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var processId)
                && !Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}")))
            {
                Remove(root, name, sys);
            }
        }
    }

    // All names before the first is removed, because the folder goes with the last of its events, and may go at any time by what others remove: then there are none.
    private static string[] Defined(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? [.. Directory.GetDirectories(folder, "p*_*").Select(static path => Path.GetFileName(path))] : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool Remove(string root, string name, SystemCalls sys) => Write(root, $"-:{Group}/{name}\n", sys);

    private static bool Write(string root, string text, SystemCalls sys)
    {
        using var file = new FileDescriptor(sys);
        var opened = LibC.Open($"{root}/uprobe_events", OpenWriteOnlyCloseOnExec, 0);
        if (opened < 0)
        {
            return false;
        }

        file.Take(opened);
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* start = bytes)
        {
            for (long done = 0; done < bytes.Length;)
            {
                // The kernel takes whole lines, some of them at a time.
                var written = sys.Write(file.Value, start + done, (nuint)(bytes.Length - done));
                if (written <= 0)
                {
                    return false;
                }

                done += written;
            }
        }

        return true;
    }
}
