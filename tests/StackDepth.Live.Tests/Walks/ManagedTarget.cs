using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StackDepth.Live.Tests.Walks;

/// <summary>This program as a target: recursion that hops between managed code and C (Targets/Walks/hops.c), level by level.</summary>
internal static unsafe class ManagedTarget
{
    internal const string Command = "walk-target";

    private delegate int Next(int level);

    private static delegate* unmanaged<int, nint, int> s_hop;

    private static readonly Next s_delegate = ThroughDelegate;

    private static readonly nint s_pointer = Marshal.GetFunctionPointerForDelegate(s_delegate);

    internal static int Run(string mode, string depth, string repeat, string library)
    {
        var handle = NativeLibrary.Load(library);
        s_hop = (delegate* unmanaged<int, nint, int>)NativeLibrary.GetExport(handle, "hop");
        var leaf = (delegate* unmanaged<void>)NativeLibrary.GetExport(handle, "leaf_push");
        var levels = int.Parse(depth, CultureInfo.InvariantCulture);
        for (var i = int.Parse(repeat, CultureInfo.InvariantCulture); i > 0; i--)
        {
            _ = mode switch
            {
                "delegate" => ThroughDelegate(levels),
                "unmanaged" => ThroughPointer(levels),
                _ => Managed(levels, leaf),
            };
        }

        GC.KeepAlive(s_delegate);
        return 0;
    }

    private static int ThroughDelegate(int level) => s_hop(level, s_pointer) + 1;

    private static int ThroughPointer(int level) => s_hop(level, (nint)(delegate* unmanaged<int, int>)&Entered) + 1;

    [UnmanagedCallersOnly]
    private static int Entered(int level) => ThroughPointer(level);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Managed(int level, delegate* unmanaged<void> leaf)
    {
        if (level == 0)
        {
            leaf();
            return 0;
        }

        return Managed(level - 1, leaf) + 1;
    }
}
