namespace StackDepth.Live.Tests.Walks;

/// <summary>Programs compiled ahead of time, from C, C++ and Rust, that report their depth themselves.</summary>
internal static class NativeTargets
{
    private static readonly int[] Deep = [10, 100, 1000, 2000, 100_000];
    private static readonly int[] Shallow = [10, 100];

    internal static IEnumerable<WalkTarget> All { get; } =
    [
        .. Recursion("O0", ["plain", "vla", "drap"], "-O0", "-fno-omit-frame-pointer", "-DFRAME_POINTERS").Select(static target => target with { KernelMisses = 2 }),
        .. Recursion("fp", ["plain", "mutual", "drap", "large"], "-O2", "-fno-omit-frame-pointer", "-DFRAME_POINTERS").Select(static target => target with { KernelMisses = 2 }),
        .. Recursion("O2", ["plain", "mutual", "vla", "alloca", "drap", "large", "clobber", "lure"], "-O2", "-fomit-frame-pointer"),
        .. Recursion("static", ["plain", "drap"], "-O2", "-static"),
        .. Recursion("static-pie", ["plain"], "-O2", "-static-pie"),
        .. Recursion("no-pie", ["plain", "vla"], "-O2", "-no-pie"),
        .. Recursion("cet", ["plain"], "-O2", "-fcf-protection=full"),
        .. Recursion("debug-frame", ["plain", "drap"], "-O2", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
        .. Recursion("no-rows", ["plain", "clobber"], "-O2", "-g0", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fomit-frame-pointer")
            .Select(static target => target with { Unprovable = true, BaseOf = "O2/plain" }),
        .. Recursion("no-rows-fp", ["plain"], "-O2", "-g0", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-omit-frame-pointer", "-DFRAME_POINTERS")
            .Select(static target => target with { Unprovable = true, BaseOf = "fp/plain", KernelMisses = 2 }),
        Native("mixed", "x", Mixed),
        Native("bare", "x", static () => Builds.C("bare", "-O2", "-fno-omit-frame-pointer", "-fno-stack-protector", "-nostdlib", "-static", "walk.c", "bare.c")) with { KernelMisses = 0 },
        .. Modes("signals", static () => Builds.C("signals", "-O2", "walk.c", "signals.c"), "handler", "alternate", "nested", "nested-alternate", "chain", "fault", "trap"),
        // A call of address 0: there is no row for it.
        .. Modes("signals", static () => Builds.C("signals", "-O2", "walk.c", "signals.c"), "null").Select(static target => target with { Unprovable = true }),
        .. Modes("step", static () => Builds.C("step", "-O2", "-Wl,-z,lazy", "walk.c", "step.c"), "own", "vdso", "qsort", "printf", "bind")
            // Two instructions of some 700 in the dynamic linker's resolver, where its rows and its registers do not agree for a walk.
            .Select(static target => target with { Depths = Shallow, MayBreak = 2 }),
        .. Modes("threads", static () => Builds.C("threads", "-O2", "-pthread", "walk.c", "threads.c"), "threads", "clone", "fork", "exec"),
        // makecontext has its function return to the first instruction of glibc's __start_context, which has no row there and no caller; gdb invents two. The base: it and the leaf.
        .. Modes("threads", static () => Builds.C("threads", "-O2", "-pthread", "walk.c", "threads.c"), "context")
            .Select(static target => target with { Unprovable = true, Bases = new Dictionary<string, int> { ["context"] = 2 } }),
        .. Modes("c++", static () => Builds.Make("exceptions", "g++", "-g", "-O2", Walk(), "exceptions.cc"), "unwind", "rethrow", "lifetime", "virtual"),
        .. Modes("rust", static () => Builds.Make("rust", "rustc", "-O", "-C", "link-arg=" + Walk(), "recurse.rs"), "plain", "closure", "panic"),
        .. Modes("uretprobe", static () => Builds.C("uretprobe", "-O2", "walk.c", "uretprobe.c"), "plain"),
        .. Modes("uretprobe", static () => Builds.C("uretprobe", "-O2", "walk.c", "uretprobe.c"), "hijacked", "tail")
            .Select(static target => target with { BaseOf = "uretprobe/plain", Depths = Shallow }),
        new("dlopen", TruthSource.Report, static () =>
        {
            var program = Builds.C("dlopen", "-O2", "walk.c", "dlopen.c");
            var first = Builds.C("first.so", "-O2", "-shared", "-fPIC", "-DSIZE=40", "library.c");
            var second = Builds.C("second.so", "-O2", "-shared", "-fPIC", "-fno-omit-frame-pointer", "-DSIZE=333", "library.c");
            return new(program, program, (depth, repeat, report) => [first, second, "x", $"{depth}", $"{repeat}", report, "leaf_push"]);
        }),
    ];

    /// <summary>A program of the C library's, with a leaf of choice.</summary>
    internal static WalkTarget Native(string name, string mode, Func<string> build, string leaf = "leaf_push") => new(name, TruthSource.Report, () =>
    {
        var program = build();
        return new(program, program, (depth, repeat, report) => [mode, $"{depth}", $"{repeat}", report, leaf]);
    });

    internal static string Recurse(string flavour, params string[] flags) => Builds.C("recurse-" + flavour, [.. flags, "-fno-optimize-sibling-calls", "walk.c", "recurse.c"]);

    private static IEnumerable<WalkTarget> Recursion(string flavour, string[] modes, params string[] flags) =>
        Modes(flavour, () => Recurse(flavour, flags), modes).Select(target => target.Name is "O0/plain" or "fp/plain" or "O2/plain" or "O2/clobber" ? target with { Depths = Deep } : target);

    private static IEnumerable<WalkTarget> Modes(string name, Func<string> build, params string[] modes) => modes.Select(mode => Native($"{name}/{mode}", mode, build));

    /// <summary>walk.c as an object, for other languages' linkers.</summary>
    private static string Walk() => Builds.C("walk.o", "-O2", "-fPIC", "-c", "walk.c");

    private static string Mixed()
    {
        string[] flags = ["-O2", "-c", "mixed.c"];
        return Builds.C(
            "mixed",
            Builds.C("mixed0.o", ["-fno-omit-frame-pointer", "-DPART=0", .. flags]),
            Builds.C("mixed1.o", ["-fomit-frame-pointer", "-DPART=1", .. flags]),
            Builds.C("mixed2.o", ["-fomit-frame-pointer", "-DPART=2", .. flags]),
            Walk());
    }
}
