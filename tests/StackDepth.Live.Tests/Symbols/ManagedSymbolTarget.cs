using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StackDepth.Live.Tests.Symbols;

/// <summary>This program as a target: a method that says where in memory its own code is.</summary>
internal static unsafe class ManagedSymbolTarget
{
    internal const string Command = "symbol-target";

    internal static int Run(string library)
    {
        // Answers where its caller was called from: that is the method, whether or not the JIT calls through a stub.
        var caller = (delegate* unmanaged[SuppressGCTransition]<nint>)NativeLibrary.GetExport(NativeLibrary.Load(library), "caller");
        Console.WriteLine(Deepest(3, caller).ToString("x", CultureInfo.InvariantCulture));
        Console.WriteLine("ready");
        Console.ReadLine();
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint Deepest(int level, delegate* unmanaged[SuppressGCTransition]<nint> caller)
    {
        if (level > 0)
            return Deepest(level - 1, caller);
        var address = caller();
        return address;
    }
}
