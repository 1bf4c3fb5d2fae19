using System.Diagnostics;
using System.Globalization;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>A running process that has said where its functions are, and waits.</summary>
internal sealed class SymbolTarget : IDisposable
{
    /// <summary>Prints names and addresses, then waits for the end of its input.</summary>
    internal const string Source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/stat.h>
        #include <ucontext.h>
        #include <unistd.h>
        static void say(const char *name, const void *address) { printf("%s %lx\n", name, (unsigned long)address); }
        __attribute__((noinline)) static int hidden(int x) { __asm__ volatile(""); return x * 3; }
        __attribute__((noinline)) int visible(int x) { __asm__ volatile(""); return hidden(x) + 1; }
        /* Ends with its call, so that the call returns to the function behind it. */
        void ends_with_call(void);
        __asm__(".text\n.globl ends_with_call\n.type ends_with_call, @function\nends_with_call: call *%rdi\n.size ends_with_call, . - ends_with_call\n"
                ".globl behind\n.type behind, @function\nbehind: ret\n.size behind, . - behind\n");
        static void *returns_to;
        static void note_caller(void) { returns_to = __builtin_return_address(0); }
        /* A signal comes at its very first instruction. */
        void faults(void);
        __asm__(".globl faults\n.type faults, @function\nfaults: ud2\nret\n.size faults, . - faults\n");
        __attribute__((noinline)) static void handler(int signal, siginfo_t *info, void *context) {
            ucontext_t *u = context;
            say("trampoline", __builtin_return_address(0));
            say("interrupted", (void *)u->uc_mcontext.gregs[REG_RIP]);
            say("caller", *(void **)u->uc_mcontext.gregs[REG_RSP]);
            u->uc_mcontext.gregs[REG_RIP] += 2;
        }
        int main(int argc, char **argv) {
            say("main", main); say("hidden", hidden); say("visible", visible); say("handler", handler); say("qsort", dlsym(RTLD_DEFAULT, "qsort"));
            ((void (*)(void *))ends_with_call)(note_caller); say("ends_with_call", returns_to);
            struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
            sigaction(SIGILL, &action, 0);
            faults();
            if (argc > 1 && !strcmp(argv[1], "memfd")) {
                char path[64], buffer[65536]; long n;
                int in = open(argv[2], O_RDONLY), out = memfd_create("a library", 0);
                while ((n = read(in, buffer, sizeof buffer)) > 0) if (write(out, buffer, n) != n) return 1;
                snprintf(path, sizeof path, "/proc/self/fd/%d", out);
                void *library = dlopen(path, RTLD_NOW);
                if (!library) { puts(dlerror()); return 1; }
                say("in_library", dlsym(library, "in_library"));
            }
            if (argc > 1 && !strcmp(argv[1], "jit")) {
                char path[64];
                char *code = mmap(0, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
                FILE *map = fopen(path, "w");
                fprintf(map, "%lx 20 first tier\n0x%lx 10 other\n%lx 30 second tier\n", (unsigned long)code, (unsigned long)code + 64, (unsigned long)code);
                fclose(map);
                say("jit", code);
                say("map", (void *)(long)getpid());
            }
            puts("ready"); fflush(stdout);
            char line[4096];
            while (fgets(line, sizeof line, stdin)) {
                if (!strncmp(line, "open ", 5)) {
                    line[strcspn(line, "\n")] = 0;
                    void *library = dlopen(line + 5, RTLD_NOW);
                    printf("%lx\n", (unsigned long)(library ? dlsym(library, "in_library") : 0)); fflush(stdout);
                }
            }
            return 0;
        }
        """;

    internal const string LibrarySource = "__attribute__((noinline)) static int helper(int x) { __asm__ volatile(\"\"); return x * 5; } int in_library(int x) { return helper(x) + 1; }";

    private readonly Process _process;

    internal SymbolTarget(string program, params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Pid = _process.Id;
        while (_process.StandardOutput.ReadLine() is var line && line != "ready")
        {
            var words = (line ?? throw new InvalidOperationException($"{program} ended.")).Split(' ');
            Places[words[0]] = ulong.Parse(words[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>The process that was started; set it to the one that it became, where it forked.</summary>
    internal int Pid { get; set; }

    internal Dictionary<string, ulong> Places { get; } = [];

    /// <summary>The only child of a process.</summary>
    internal static int ChildOf(int pid) => int.Parse(File.ReadAllText($"/proc/{pid}/task/{pid}/children").Trim(), CultureInfo.InvariantCulture);

    internal static string Compile(CompiledTargets targets, string name, params string[] options) => targets.Compile(name, Source, [.. options, "-w"]);

    internal ulong Open(string library)
    {
        _process.StandardInput.WriteLine($"open {library}");
        _process.StandardInput.Flush();
        return ulong.Parse(_process.StandardOutput.ReadLine()!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    internal void End()
    {
        _process.StandardInput.Close();
        Assert.True(_process.WaitForExit(20_000));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
