using System.Collections.Immutable;
using System.Text;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tracepoints;

/// <summary>From <c>group:name</c>, both of which may be globs, to tracepoints.</summary>
internal static class TracepointResolver
{
    /// <summary>A group of tracepoints that are none: ftrace's own records.</summary>
    private const string FtraceGroup = "ftrace";

    /// <param name="tracefs">Where they are described.</param>
    /// <param name="group">Such as <c>sched</c>, or a glob.</param>
    /// <param name="name">Such as <c>sched_switch</c>, or a glob.</param>
    /// <param name="most">A glob that matches more is refused.</param>
    /// <returns>At least one.</returns>
    /// <exception cref="TargetNotFoundException">No such tracepoint; the message has near names.</exception>
    /// <exception cref="TargetException">It is refused; the message says why.</exception>
    internal static ImmutableArray<TracepointFormat> Resolve(Tracefs tracefs, string group, string name, int most = 1000)
    {
        if (string.IsNullOrWhiteSpace(group) || string.IsNullOrWhiteSpace(name))
        {
            throw new TargetException("A tracepoint has a group and a name: write both, such as 'sched:sched_switch'.");
        }

        if (!Glob.IsGlob(group) && !Glob.IsGlob(name))
        {
            return group != FtraceGroup && tracefs.TryRead(group, name) is { } format ? [format] : throw NotFound(tracefs, group, name);
        }

        Glob groups = new(group), names = new(name);
        var found = ImmutableArray.CreateBuilder<TracepointFormat>();
        foreach (var (itsGroup, itsName) in tracefs.All())
        {
            if (itsGroup == FtraceGroup || !groups.IsMatch(Encoding.UTF8.GetBytes(itsGroup)) || !names.IsMatch(Encoding.UTF8.GetBytes(itsName)))
            {
                continue;
            }

            if (found.Count == most)
            {
                throw new TargetException($"'{PrintableText.Escape($"{group}:{name}")}' matches more than {most} tracepoints: name fewer.");
            }

            // One that came and went with its module is no longer one.
            if (tracefs.TryRead(itsGroup, itsName) is { } format)
            {
                found.Add(format);
            }
        }

        return found.Count > 0 ? found.ToImmutable() : throw NotFound(tracefs, group, name);
    }

    private static TargetNotFoundException NotFound(Tracefs tracefs, string group, string name)
    {
        var all = tracefs.All().ToList();

        // The right name in the wrong group first: few know the groups.
        var best = all.Where(tracepoint => tracepoint.Name == name).Take(3).Select(static tracepoint => $"{tracepoint.Group}:{tracepoint.Name}").ToImmutableArray();
        if (best.IsEmpty)
        {
            var hasGroup = all.Exists(tracepoint => tracepoint.Group == group);
            var near = new NearMatches(hasGroup ? name.Trim('*', '?') : $"{group}:{name}");
            foreach (var tracepoint in all)
            {
                if (!hasGroup || tracepoint.Group == group)
                {
                    near.Offer(hasGroup ? tracepoint.Name : $"{tracepoint.Group}:{tracepoint.Name}");
                }
            }

            best = [.. near.Best().Select(match => hasGroup ? $"{group}:{match}" : match)];
        }

        return new TargetNotFoundException(
            $"The kernel has no tracepoint '{PrintableText.Escape($"{group}:{name}")}'.{(best.IsEmpty ? $" {tracefs.Root}/available_events lists them all." : $" Did you mean {NearMatches.Join(best)}?")}", best);
    }
}
