using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StackDepth.Native.Btf;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Threads;

/// <summary>A thread at a moment, with the top of its stack.</summary>
internal sealed class ThreadSample(ThreadRecord record, byte[] stack, ReplacedReturn[] returns)
{
    internal ThreadRecord Record = record;

    /// <summary>From the stack pointer on; may be empty.</summary>
    internal byte[] Stack { get; } = stack;

    /// <summary>The newest first.</summary>
    internal ReplacedReturn[] Returns { get; } = returns;
}

/// <summary>Looks at threads and mappings through the two iterators. Not thread-safe.</summary>
internal sealed class ThreadReader : IDisposable
{
    /// <summary>The tops of more stacks than this are not kept, whoever makes so many threads: a walk reads them itself.</summary>
    private const long MaxKeptBytes = 64 << 20;

    private readonly SystemCalls _sys;
    private readonly Dictionary<string, BpfMap> _maps = new(StringComparer.Ordinal);
    private readonly BpfProgram _threads;
    private readonly BpfProgram _mappings;

    /// <exception cref="KernelException">The kernel refuses the programs.</exception>
    internal ThreadReader(KernelOffsets kernel, ThreadOffsets threads, SystemCalls sys)
    {
        _sys = sys;
        try
        {
            foreach (var spec in ThreadProgram.Maps)
            {
                _maps.Add(spec.Name, BpfMap.Create(spec, sys));
            }

            _threads = BpfProgram.Load(ThreadProgram.Build(kernel, threads), _maps, sys);
            _mappings = BpfProgram.Load(MappingProgram.Build(kernel, threads), _maps, sys);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The threads of a scope, each with the top of its stack. Those that have no id any more are not there.</summary>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal List<ThreadSample> Sample(TaskScope scope)
    {
        var samples = new List<ThreadSample>();
        var kept = 0L;
        Read(scope, ThreadProgram.Whole, (in ThreadRecord record, ReadOnlySpan<byte> rest) =>
        {
            var stack = rest[..(int)record.StackBytes];
            kept += stack.Length;
            samples.Add(new(record, kept <= MaxKeptBytes ? stack.ToArray() : [], MemoryMarshal.Cast<byte, ReplacedReturn>(rest[stack.Length..]).ToArray()));
        });
        return samples;
    }

    /// <summary>What tells whether threads have run since they were looked at, by thread id.</summary>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal Dictionary<int, ThreadRecord> Check(TaskScope scope)
    {
        var records = new Dictionary<int, ThreadRecord>();
        Read(scope, ThreadProgram.Check, (in ThreadRecord record, ReadOnlySpan<byte> _) => records[record.ThreadId] = record);
        return records;
    }

    /// <summary>The executable mappings of the processes of a scope.</summary>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal List<MappingRecord> Mappings(TaskScope scope)
    {
        var records = new List<MappingRecord>();
        using var iterator = TaskIterator.Create(_mappings, scope, _sys);
        iterator.Read(bytes => records.AddRange(MemoryMarshal.Cast<byte, MappingRecord>(bytes)));
        return records;
    }

    public void Dispose()
    {
        _mappings?.Dispose();
        _threads?.Dispose();
        foreach (var map in _maps.Values)
        {
            map.Dispose();
        }
    }

    private delegate void RecordTaker(in ThreadRecord record, ReadOnlySpan<byte> rest);

    private void Read(TaskScope scope, uint mode, RecordTaker take)
    {
        _maps[ThreadProgram.Mode].Write(0, mode);
        using var iterator = TaskIterator.Create(_threads, scope, _sys);
        iterator.Read(bytes =>
        {
            while (!bytes.IsEmpty)
            {
                var record = Unsafe.ReadUnaligned<ThreadRecord>(in bytes[0]);
                take(in record, bytes[ThreadRecord.Length..(int)record.Size]);
                bytes = bytes[(int)record.Size..];
            }
        });
    }
}
