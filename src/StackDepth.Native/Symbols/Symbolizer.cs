using System.Collections.Concurrent;
using StackDepth.Native.Symbols.Demangling;

namespace StackDepth.Native.Symbols;

/// <summary>Bounds of a <see cref="Symbolizer"/>.</summary>
internal sealed record SymbolizerLimits
{
    /// <summary>What the tables of files and perf maps may take of memory, about, in bytes. Those that were not used for the longest time are given up, and read again when they are needed.</summary>
    internal long TableBytes { get; init; } = 256L << 20;

    /// <summary>How many files of processes are held open.</summary>
    internal int Files { get; init; } = 4096;

    /// <summary>How many processes are remembered; the one that was not used for the longest time is forgotten.</summary>
    internal int Processes { get; init; } = 1024;
}

/// <summary>
/// Names addresses of processes and of the kernel. A process that was observed while it lived is still named after it has ended. Thread-safe.
/// </summary>
internal sealed class Symbolizer : IDisposable
{
    private static readonly TimeSpan s_kernelAge = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<int, ProcessSymbols> _processes = new();
    private readonly SymbolizerLimits _limits;
    private readonly SymbolContext _context;
    private readonly SymbolNaming _kernelNaming;
    private KernelSymbols? _kernel;
    private long _kernelReadAt;
    private bool _isDisposed;

    /// <param name="demangle">Makes names of symbol tables readable; called from several threads at once, once for each name that is met.</param>
    /// <param name="limits">Bounds; the default ones if null.</param>
    internal Symbolizer(Func<string, string>? demangle = null, SymbolizerLimits? limits = null)
    {
        _limits = limits ?? new SymbolizerLimits();
        var memory = new SymbolMemory(_limits.TableBytes);
        var naming = new SymbolNaming(demangle ?? SymbolNaming.Raw.Demangle, memory);
        _kernelNaming = naming with { Memory = null };
        _context = new SymbolContext(new SymbolFiles(_limits.Files), memory, naming);
    }

    /// <summary>A symbolizer whose C++ and Rust names are as in their source.</summary>
    internal static Symbolizer Create(SymbolizerLimits? limits = null) => new(Demangler.Demangle, limits);

    /// <summary>What the processes share.</summary>
    internal SymbolContext Context => _context;

    /// <summary>How many processes are remembered.</summary>
    internal int Processes => _processes.Count;

    /// <summary>How many files are held open for them.</summary>
    internal int Files => _context.Files.Count;

    /// <summary>What the tables take of memory, about.</summary>
    internal long TableBytes => _context.Memory.Bytes;

    /// <summary>The kernel's functions, read when they are first needed.</summary>
    internal KernelSymbols Kernel => Volatile.Read(ref _kernel) ?? ReadKernel(null);

    /// <summary>
    /// Looks at what a process has mapped now, and holds it: to be called when a process is first seen, and when it has mapped something. Not for each stack: that takes a reading of
    /// /proc/PID/maps.
    /// </summary>
    /// <param name="processId">The process, by its number in our pid namespace.</param>
    /// <returns>What is known of it, also for after it has ended; null when there is no such process, and was none that was observed.</returns>
    internal ProcessSymbols? Observe(int processId)
    {
        var process = Find(processId);
        process?.Refresh();
        return process;
    }

    /// <summary>Takes note of one new mapping, as PERF_RECORD_MMAP2 tells of it.</summary>
    internal void Observe(int processId, MappedRegion region)
    {
        if (_processes.TryGetValue(processId, out var known))
        {
            known.Merge([region]);
        }
        else
        {
            Observe(processId);
        }
    }

    /// <summary>Names the addresses of a user stack, the innermost first.</summary>
    /// <param name="processId">The process. One that was not observed before is, now.</param>
    /// <param name="stack">The addresses.</param>
    /// <param name="frames">Gets a name for each.</param>
    /// <param name="leafIsExact">
    /// Whether the first address is an instruction's own; all others are where calls return to, and looked up at the byte before, except around signal trampolines.
    /// </param>
    internal void Resolve(int processId, ReadOnlySpan<ulong> stack, Span<SymbolizedAddress> frames, bool leafIsExact = true)
    {
        if ((_processes.TryGetValue(processId, out var process) ? process : Observe(processId)) is { } known)
        {
            Resolve(known, stack, frames, leafIsExact);
            return;
        }

        for (var i = 0; i < stack.Length; i++)
        {
            frames[i] = new SymbolizedAddress(stack[i], null, null, 0);
        }
    }

    /// <summary>Names the addresses of a user stack of a process that was observed. See the other overload.</summary>
    internal void Resolve(ProcessSymbols process, ReadOnlySpan<ulong> stack, Span<SymbolizedAddress> frames, bool leafIsExact = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames.Length, stack.Length);
        _context.Memory.Tick();
        _context.Memory.TrimGrown();
        process.Use();
        var lookups = default(StackLookups);
        var isExact = leafIsExact;
        for (var i = 0; i < stack.Length; i++)
        {
            var address = stack[i];
            frames[i] = process.Resolve(address, isExact, ref lookups, out var isFunctionsEnd);

            // Next to a trampoline is the instruction that the signal interrupted.
            var isTrampoline = (isExact || isFunctionsEnd) && process.IsSignalTrampoline(address);
            if (isTrampoline && !isExact)
            {
                frames[i] = process.Resolve(address, isExact: true, ref lookups, out _);
            }

            isExact = isTrampoline;
        }
    }

    /// <summary>Names the addresses of a kernel stack, the innermost first.</summary>
    internal void ResolveKernel(ReadOnlySpan<ulong> stack, Span<SymbolizedAddress> frames, bool leafIsExact = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames.Length, stack.Length);
        var kernel = Kernel;
        for (var i = 0; i < stack.Length; i++)
        {
            // Modules and BPF programs come and go.
            if (kernel.Restriction is null && !kernel.Knows(stack[i]) && Environment.TickCount64 - Interlocked.Read(ref _kernelReadAt) > s_kernelAge.TotalMilliseconds)
            {
                kernel = ReadKernel(kernel);
            }

            frames[i] = kernel.Resolve(stack[i], leafIsExact && i == 0);
        }
    }

    /// <summary>Forgets a process: its files are closed, where no other has them mapped.</summary>
    internal void Forget(int processId)
    {
        if (_processes.TryRemove(processId, out var process))
        {
            process.Dispose();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        foreach (var processId in _processes.Keys)
        {
            Forget(processId);
        }
    }

    // The process of this number that lives now; the one that was observed, when it has ended.
    private ProcessSymbols? Find(int processId)
    {
        var status = ProcessStatus.Read(processId);
        if (_processes.TryGetValue(processId, out var known) && (status is null || known.StartTicks == status.StartTicks))
        {
            return known;
        }

        if (status is null)
        {
            return null;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_processes.TryGetValue(processId, out known))
            {
                if (known.StartTicks == status.StartTicks)
                {
                    return known;
                }

                Forget(processId);
            }

            if (_processes.Count >= _limits.Processes)
            {
                Forget(_processes.MinBy(static process => process.Value.LastUsed).Key);
            }

            var process = new ProcessSymbols(processId, status, _context);
            process.Use();
            _processes[processId] = process;
            return process;
        }
    }

    private KernelSymbols ReadKernel(KernelSymbols? old)
    {
        lock (_gate)
        {
            if (_kernel is { } known && known != old)
            {
                return known;
            }

            var symbols = KernelSymbols.Read(_kernelNaming);
            Interlocked.Exchange(ref _kernelReadAt, Environment.TickCount64);
            Volatile.Write(ref _kernel, symbols);
            return symbols;
        }
    }
}
