using System.Globalization;
using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>The symbolic names of a query's maps.</summary>
internal static class MapNames
{
    /// <summary>Per CPU: the health counters, the ungrouped aggregate, and a template of zeroes for new groups.</summary>
    internal const string Results = "results";

    /// <summary>Per CPU: the capture slots.</summary>
    internal const string Scratch = "scratch";

    /// <summary>Per CPU: the memory of our own walks, for each capture slot.</summary>
    internal const string Walks = "walks";

    /// <summary>Per CPU: the memory of the counts of Python frames, for each capture slot.</summary>
    internal const string Python = "python";

    /// <summary>Per CPU and key: the aggregate of a group.</summary>
    internal const string Groups = "groups";

    /// <summary>The values of a variable: of each thread, or by key.</summary>
    internal static string Variable(IrVariable variable) => $"@{variable.Name}";

    /// <summary>Per CPU: how many hits needed the value of a variable that was not set.</summary>
    internal const string Unset = "unset";

    /// <summary>The ring buffer of a stream.</summary>
    internal const string Records = "records";

    /// <summary>Shared by all CPUs: what the controls of a stream remember, a word for each.</summary>
    internal const string Controls = "controls";

    /// <summary>Shared by all CPUs: the values that a control has let through.</summary>
    internal static string Distinct(int control) => string.Create(CultureInfo.InvariantCulture, $"distinct{control}");

    /// <summary>Shared by all CPUs: the best value so far of a live extremum.</summary>
    internal const string Best = "best";

    /// <summary>The value of each kept hit, and which of them is being written.</summary>
    internal const string KeptOrder = "kept_order";

    /// <summary>The kept hits: see <see cref="KeptLayout"/>.</summary>
    internal const string Kept = "kept";

    /// <summary>How many numbers of places were given to keys.</summary>
    internal const string KeptCount = "kept_count";

    /// <summary>A place as a new one is: zeroes.</summary>
    internal const string KeptTemplate = "kept_template";

    /// <summary>The cgroups that are asked for.</summary>
    internal const string Cgroups = "cgroups";

    /// <summary>The number of each node of a stack, by what is in it: see <see cref="StackNode"/>.</summary>
    internal const string StackNumbers = "stack_numbers";

    /// <summary>The nodes by their numbers.</summary>
    internal const string StackNodes = "stack_nodes";

    /// <summary>How many numbers were given away.</summary>
    internal const string StackCount = "stack_count";

    /// <summary>The live activations of each thread and site.</summary>
    internal const string Activations = "activations";

    /// <summary>Those that do not fit there.</summary>
    internal const string ActivationChunks = "activations_more";

    /// <summary>Zeroes, and of which threads an activation could not be kept.</summary>
    internal const string ActivationsLost = "activations_lost";

    /// <summary>Where the code of each probed function is.</summary>
    internal const string FunctionCode = "function_code";

    /// <summary>When the probes were in place, in nanoseconds of CLOCK_BOOTTIME.</summary>
    internal const string Attached = "attached";

    /// <summary>The processes whose hits count, one bit for each process id.</summary>
    internal const string Followed = "followed";

    /// <summary>The process id of the command that waits for its exec; 0 for none.</summary>
    internal const string Waiting = "waiting";
}
