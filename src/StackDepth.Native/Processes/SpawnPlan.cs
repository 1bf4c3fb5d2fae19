using System.Collections;
using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Processes;

/// <summary>
/// The arguments of one <c>posix_spawn(3)</c> call in unmanaged memory: the path, argv, envp, the signal settings, and the file actions, which the child carries
/// out in their order before its exec. The child runs in this process's memory until then (CLONE_VM), so the plan must outlive the call.
/// </summary>
internal sealed unsafe class SpawnPlan : IDisposable
{
    private const short SetSignalDefault = 4; // POSIX_SPAWN_SETSIGDEF
    private const short SetSignalMask = 8; // POSIX_SPAWN_SETSIGMASK
    private const int SignalSetSize = 128; // sigset_t of glibc and musl
    private const int BrokenPipe = 13; // SIGPIPE
    private const nuint ActionsSize = 256; // posix_spawn_file_actions_t: 80 bytes in glibc and in musl
    private const nuint AttributesSize = 512; // posix_spawnattr_t: 336 bytes in glibc and in musl

    // A gap as wide as this in front of a descriptor to inherit is closed by what is open in it; below, number by number.
    private const int WidestGap = 1 << 16;

    private readonly Lock _lifetime = new();
    private readonly List<nint> _allocations = [];
    private readonly byte* _path;
    private readonly byte** _argv;
    private readonly byte** _envp;
    private readonly byte* _actions;
    private readonly byte* _attributes;
    private bool _disposed;

    /// <exception cref="ArgumentException">A string of the command holds a NUL character, or a variable's name an equals sign.</exception>
    /// <exception cref="Win32Exception">libc refuses an action or a setting.</exception>
    internal SpawnPlan(ChildCommand command, Gate gate, ParentDeathWatch watch)
    {
        _actions = (byte*)NativeMemory.AllocZeroed(ActionsSize);
        _attributes = (byte*)NativeMemory.AllocZeroed(AttributesSize);

        try
        {
            Check(LibC.SpawnFileActionsInit(_actions), "posix_spawn_file_actions_init");
            Check(LibC.SpawnAttributesInit(_attributes), "posix_spawnattr_init");
            _path = Text(command.ResolveFileName());
            _argv = Vector([command.Argv0 ?? command.FileName, .. command.Arguments.IsDefault ? [] : command.Arguments]);
            _envp = Vector(EnvironmentOf(command));
            SetSignals();
            AddActions(command, gate, watch);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Starts the child, and blocks the calling thread until it has passed the gate and its exec is done or has failed. Answers 0, or the errno of the exec or
    /// of an action; the child is then already reaped. A child that is killed before its exec answers 0 too.
    /// </summary>
    internal int Spawn(out int pid) => LibC.PosixSpawn(out pid, _path, _actions, _attributes, _argv, _envp);

    /// <summary>Makes the exec of a child that has not yet passed the gate fail: it reads the path from this very memory.</summary>
    internal void Spoil()
    {
        lock (_lifetime)
        {
            if (!_disposed)
            {
                Volatile.Write(ref *_path, 0);
            }
        }
    }

    public void Dispose()
    {
        lock (_lifetime)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _ = LibC.SpawnFileActionsDestroy(_actions); // these two can only answer 0
            _ = LibC.SpawnAttributesDestroy(_attributes);
            NativeMemory.Free(_actions);
            NativeMemory.Free(_attributes);

            foreach (nint allocation in _allocations)
            {
                NativeMemory.Free((void*)allocation);
            }
        }
    }

    private void AddActions(ChildCommand command, Gate gate, ParentDeathWatch watch)
    {
        switch (command.StandardOutput)
        {
            case ChildStream.Inherit:
                break;
            case ChildStream.Null:
                AddOpen(1, "/dev/null", Gate.WriteOnly);
                break;
            case ChildStream.ToStandardError:
                Check(LibC.SpawnFileActionsAddDup2(_actions, 2, 1), "posix_spawn_file_actions_adddup2");
                break;
            default:
                throw new ArgumentException($"{command.StandardOutput} is not a place for standard output.", nameof(command));
        }

        if (command.WorkingDirectory is { } directory)
        {
            if (!Directory.Exists(directory))
            {
                throw new DirectoryNotFoundException($"The child's working directory '{directory}' does not exist.");
            }

            AddChdir(directory);
        }

        List<int> kept = InheritableDescriptors.Find();
        kept.AddRange(gate.DoorFd, gate.BellFd, watch.ReadEndFd);
        kept.Sort();
        AddCloses(kept);

        // Any number will do that is not kept; the last close leaves the program nothing of the gate.
        int free = 3;
        while (kept.BinarySearch(free) >= 0)
        {
            free++;
        }

        AddOpen(free, Gate.PathOf(gate.BellFd), Gate.WriteOnly);
        AddClose(free);
        AddOpen(free, Gate.PathOf(gate.DoorFd), Gate.ReadOnly);
        AddClose(free);
    }

    private void AddChdir(string directory)
    {
        try
        {
            Check(LibC.SpawnFileActionsAddChdir(_actions, Text(Path.GetFullPath(directory))), "posix_spawn_file_actions_addchdir_np");
        }
        catch (EntryPointNotFoundException e)
        {
            throw new PlatformNotSupportedException(
                "A working directory for the child needs glibc 2.29 or musl 1.1.24. Leave WorkingDirectory out, or use 'env --chdir=DIRECTORY' as the command.", e);
        }
    }

    /// <summary>
    /// Closes in the child what its exec would close anyway, but before it waits. Else it would hold a copy of every descriptor of this process for as long as
    /// it stands at the gate: the readers of pipes and sockets that this process closes meanwhile would see no end, among them <c>Process.Start</c> itself,
    /// which waits for the end of such a pipe.
    /// </summary>
    private void AddCloses(List<int> kept)
    {
        int last = kept[^1];
        if (last < WidestGap)
        {
            for (int fd = 3; fd < last; fd++)
            {
                CloseUnlessKept(fd);
            }
        }
        else
        {
            foreach (int fd in InheritableDescriptors.Open().FindAll(fd => fd > 2 && fd < last))
            {
                CloseUnlessKept(fd);
            }
        }

        try
        {
            Check(LibC.SpawnFileActionsAddCloseFrom(_actions, last + 1), "posix_spawn_file_actions_addclosefrom_np");
        }
        catch (EntryPointNotFoundException)
        {
            // Before glibc 2.34, and musl: those that are open now; one that another thread opens meanwhile stays open until the exec.
            foreach (int fd in InheritableDescriptors.Open().Where(fd => fd > last))
            {
                AddClose(fd);
            }
        }

        void CloseUnlessKept(int fd)
        {
            if (kept.BinarySearch(fd) < 0)
            {
                AddClose(fd);
            }
        }
    }

    private void AddOpen(int fd, string path, int flags) => Check(LibC.SpawnFileActionsAddOpen(_actions, fd, Text(path), flags, 0), "posix_spawn_file_actions_addopen");

    private void AddClose(int fd) => Check(LibC.SpawnFileActionsAddClose(_actions, fd), "posix_spawn_file_actions_addclose");

    /// <summary>
    /// No signal blocked, and each at its default, since .NET handles several and ignores SIGPIPE. Signals that this process was told to ignore stay ignored
    /// (<c>nohup</c>, and background jobs of a script), as they do for <c>Process.Start</c>.
    /// </summary>
    private void SetSignals()
    {
        byte* set = stackalloc byte[SignalSetSize];
        var bits = new Span<byte>(set, SignalSetSize);
        bits.Clear();
        Check(LibC.SpawnAttributesSetSignalMask(_attributes, set), "posix_spawnattr_setsigmask");

        ulong defaults = ~IgnoredSignals() | (1UL << (BrokenPipe - 1));
        MemoryMarshal.Write(bits, in defaults);
        Check(LibC.SpawnAttributesSetSignalDefault(_attributes, set), "posix_spawnattr_setsigdefault");
        Check(LibC.SpawnAttributesSetFlags(_attributes, SetSignalDefault | SetSignalMask), "posix_spawnattr_setflags");
    }

    /// <summary>Bit N - 1 is set when this process ignores signal N; 0 when the kernel does not tell.</summary>
    private static ulong IgnoredSignals()
    {
        const string Key = "SigIgn:";
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
        return line is not null && ulong.TryParse(line.AsSpan(Key.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong mask) ? mask : 0;
    }

    private static IEnumerable<string> EnvironmentOf(ChildCommand command)
    {
        // .NET keeps the environment in its own table: libc's environ does not see what SetEnvironmentVariable did.
        IEnumerable<KeyValuePair<string, string?>> variables = command.Environment
            ?? Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => KeyValuePair.Create((string)entry.Key, (string?)entry.Value));

        foreach ((string name, string? value) in variables)
        {
            if (name.Length == 0 || name.Contains('=', StringComparison.Ordinal))
            {
                throw new ArgumentException($"'{name}' cannot be the name of an environment variable: it is empty or has an equals sign.", nameof(command));
            }

            if (value is not null)
            {
                yield return $"{name}={value}";
            }
        }
    }

    /// <summary>A null-terminated array of UTF-8 strings.</summary>
    private byte** Vector(IEnumerable<string> texts)
    {
        string[] items = [.. texts];
        byte** vector = (byte**)Allocate((nuint)(items.Length + 1) * (nuint)sizeof(byte*));

        for (int i = 0; i < items.Length; i++)
        {
            vector[i] = Text(items[i]);
        }

        return vector;
    }

    private byte* Text(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"A NUL character cannot be passed to a program: \"{text.Replace("\0", "\\0", StringComparison.Ordinal)}\".", nameof(text));
        }

        int length = System.Text.Encoding.UTF8.GetByteCount(text);
        byte* bytes = (byte*)Allocate((nuint)length + 1);
        System.Text.Encoding.UTF8.GetBytes(text, new Span<byte>(bytes, length));
        return bytes;
    }

    private void* Allocate(nuint size)
    {
        void* memory = NativeMemory.AllocZeroed(size);
        _allocations.Add((nint)memory);
        return memory;
    }

    private static void Check(int error, string function)
    {
        if (error != 0)
        {
            throw new Win32Exception(error, $"{function} failed: {Marshal.GetPInvokeErrorMessage(error)}.");
        }
    }
}
