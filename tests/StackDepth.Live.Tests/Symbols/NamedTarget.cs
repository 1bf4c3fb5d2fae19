using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Symbols;

/// <summary>Programs that say where their functions are, and when; short-lived ones.</summary>
internal static class NamedTarget
{
    private const string Source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <time.h>
        #include <unistd.h>
        /* name, pid, start in ticks, now in ns, address */
        static void say(const char *name, const void *address) {
            char text[1024]; unsigned long long start = 0; struct timespec now;
            FILE *stat = fopen("/proc/self/stat", "r");
            text[fread(text, 1, sizeof text - 1, stat)] = 0;
            fclose(stat);
            char *at = strrchr(text, ')');
            for (int i = 0; i < 20; i++) at = strchr(at + 1, ' ');
            start = strtoull(at, 0, 10);
            clock_gettime(CLOCK_BOOTTIME, &now);
            int length = snprintf(text, sizeof text, "%s %d %llu %lld %lx\n", name, getpid(), start, now.tv_sec * 1000000000LL + now.tv_nsec, (unsigned long)address);
            if (write(1, text, length) != length) _exit(9);
        }
        #ifdef OTHER
        __attribute__((noinline)) int pad(int x) { __asm__ volatile("nop; nop; nop"); return x + 7; }
        #endif
        __attribute__((noinline)) int NAME(int x) { __asm__ volatile(""); return x + 1; }
        static char **words;
        static void *run_other(void *unused) { execv(words[0], words); return unused; }
        static void open_library(const char *path) {
            void *library = dlopen(path, RTLD_NOW);
            const char **name = dlsym(library, "function_name");
            say(*name, dlsym(library, *name));
            dlclose(library);
        }
        static int child_again(int pid, char **program) {
            FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");
            if (pid) { fprintf(last, "%d", pid - 1); }
            fclose(last);
            int child = fork();
            if (child == 0) { execv(program[0], program); _exit(8); }
            waitpid(child, 0, 0);
            usleep(30000);
            return child;
        }
        int main(int argc, char **argv) {
            const char *mode = argv[1];
            say(TEXT(NAME), NAME);
            if (!strcmp(mode, "exec")) { execv(argv[2], argv + 2); return 3; }
            if (!strcmp(mode, "thread-exec")) { pthread_t thread; words = argv + 2; pthread_create(&thread, 0, run_other, 0); pthread_join(thread, 0); return 3; }
            if (!strcmp(mode, "fork")) {
                for (int i = 0; i < 5; i++) if (fork() == 0) { say(TEXT(NAME), NAME); if (i % 2) { execv(argv[2], argv + 2); } _exit(0); }
                while (wait(0) > 0) { }
            }
            if (!strcmp(mode, "open")) for (int i = 2; i < argc; i++) open_library(argv[i]);
            if (!strcmp(mode, "again")) {
                char *first[] = { argv[2], "exit", 0 }, *second[] = { argv[3], "exit", 0 };
                int pid = child_again(0, first);
                for (int tries = 0; tries < 20 && child_again(pid, second) != pid; tries++) { }
            }
            if (!strcmp(mode, "wait")) { say("waiting", 0); char c; if (read(0, &c, 1) < 0) return 4; }
            return 0;
        }
        """;

    internal static string Program(Folder folder, string file, string function, bool isOther = false)
    {
        var source = folder[function + ".c"];
        File.WriteAllText(source, "#define TEXT2(x) #x\n#define TEXT(x) TEXT2(x)\n" + Source);
        Gcc(["-O1", "-w", "-pthread", $"-DNAME={function}", isOther ? "-DOTHER" : "-DPLAIN", "-o", folder[file], source]);
        return folder[file];
    }

    internal static string Library(Folder folder, string function)
    {
        var source = folder[function + ".c"];
        File.WriteAllText(source, $"const char *function_name = \"{function}\"; int {function}(int x) {{ return x * 3; }}\n");
        Gcc("-O1", "-shared", "-fPIC", "-o", folder[function + ".so"], source);
        return folder[function + ".so"];
    }

    /// <summary>Runs a program to its end.</summary>
    internal static Said[] Run(string program, params string[] arguments)
    {
        using var process = Start(program, arguments);
        using var output = process.StandardOutput;
        using var input = process.StandardInput;
        var lines = output.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Said.Parse)];
    }

    internal static Process Start(string program, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardInput = true })!;

    private static void Gcc(params string[] arguments)
    {
        Requires.Tool("gcc");
        using var gcc = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true })!;
        var errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, errors);
    }

    /// <summary>What a target says: that a function of its own is at an address.</summary>
    internal sealed record Said(string Name, int Pid, long StartedAt, long At, ulong Address)
    {
        internal static Said Parse(string line)
        {
            const long NanosecondsPerTick = 10_000_000;
            var words = line.Split(' ');
            return new(
                words[0], int.Parse(words[1], CultureInfo.InvariantCulture), long.Parse(words[2], CultureInfo.InvariantCulture) * NanosecondsPerTick,
                long.Parse(words[3], CultureInfo.InvariantCulture), ulong.Parse(words[4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        }
    }
}
