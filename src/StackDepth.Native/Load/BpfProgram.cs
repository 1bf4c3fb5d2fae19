using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>A loaded BPF program, alive as long as this object or a link holds it.</summary>
internal sealed unsafe class BpfProgram : IDisposable
{
    private readonly SystemCalls _sys;

    internal BpfProgram(ProgramSpec spec, FileDescriptor handle, string? verifierLog, SystemCalls sys)
    {
        Spec = spec;
        Handle = handle;
        VerifierLog = verifierLog;
        _sys = sys;
    }

    internal ProgramSpec Spec { get; }

    internal FileDescriptor Handle { get; }

    /// <summary>The descriptor's number, valid while nobody disposes the program.</summary>
    internal int Fd => Handle.Value;

    /// <summary>The verifier's whole log with statistics, where it was asked for.</summary>
    internal string? VerifierLog { get; }

    /// <summary>Asks the kernel anew at each read.</summary>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal ProgramInfo Info
    {
        get
        {
            using var program = Handle.Borrow();
            ProgramInfoRecord record = default;
            var attribute = new ObjectInfoAttribute { BpfFd = (uint)program.Value, InfoLength = (uint)sizeof(ProgramInfoRecord), Info = (ulong)&record };
            var result = KernelCall.Bpf(_sys, BpfCommand.ObjGetInfoByFd, ref attribute);
            return result < 0
                ? throw KernelErrors.Create(KernelOperation.ProgramInfo, (Errno)(-result), $"program '{Spec.Name}'", _sys)
                : new ProgramInfo(
                    record.Id, Convert.ToHexStringLower(new ReadOnlySpan<byte>(record.Tag, 8)), record.JitedLength, record.VerifiedInstructions,
                    record.RunTimeNanoseconds, record.RunCount, record.RecursionMisses)
                { LoadTime = record.LoadTime };
        }
    }

    /// <summary>Loads a spec: maps are put in by name, functions described by BTF where there is more than one.</summary>
    /// <param name="spec">The program; it is not changed.</param>
    /// <param name="maps">The maps that its instructions name.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="keepLog">Whether to load with a full log, kept in <see cref="VerifierLog"/>: slow, for people who look into a program.</param>
    /// <exception cref="VerifierException">The verifier rejects it.</exception>
    /// <exception cref="KernelException">The kernel refuses for another reason.</exception>
    /// <exception cref="ArgumentException">An instruction names a map that is not in <paramref name="maps"/>.</exception>
    internal static BpfProgram Load(ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, SystemCalls sys, bool keepLog = false) =>
        new ProgramLoader(spec, maps, sys).Load(keepLog);

    /// <summary>Runs a program of type <see cref="ProgramType.Syscall"/> here and now, on memory that it may read and write.</summary>
    /// <returns>What the program returns.</returns>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal uint Run(Span<byte> context)
    {
        using var program = Handle.Borrow();
        fixed (byte* pointer = context)
        {
            var attribute = new ProgramRunAttribute { ProgramFd = (uint)program.Value, ContextSizeIn = (uint)context.Length, ContextIn = (ulong)pointer };
            var result = KernelCall.Bpf(_sys, BpfCommand.ProgTestRun, ref attribute);
            return result < 0 ? throw KernelErrors.Create(KernelOperation.ProgramRun, (Errno)(-result), $"program '{Spec.Name}'", _sys) : attribute.ReturnValue;
        }
    }

    public void Dispose() => Handle.Dispose();
}
