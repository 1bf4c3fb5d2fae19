using System.Collections.Concurrent;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Features;

/// <summary>What a probe found out.</summary>
internal enum FeatureAnswer
{
    /// <summary>Inconclusive: something else was in the way, such as a missing capability.</summary>
    Unknown,

    Present,

    Absent,
}

/// <summary>
/// Finds out by tiny programs and maps whether the kernel has a feature. Asked only after a real call failed, to tell a kernel without the feature from a
/// mistake. Conclusive answers are kept; inconclusive ones never, because what was in the way can go.
/// </summary>
internal sealed unsafe class FeatureProbes(SystemCalls sys)
{
    private readonly ConcurrentDictionary<KernelFeatures, FeatureAnswer> _answers = new();

    /// <summary>The probes of the real kernel.</summary>
    internal static FeatureProbes Shared { get; } = new(SystemCalls.Real);

    /// <summary>The shared probes for the real kernel, new ones for a fake.</summary>
    internal static FeatureProbes For(SystemCalls sys) => ReferenceEquals(sys, SystemCalls.Real) ? Shared : new FeatureProbes(sys);

    internal FeatureAnswer Ask(KernelFeatures feature)
    {
        if (_answers.TryGetValue(feature, out var known))
        {
            return known;
        }

        var answer = feature switch
        {
            KernelFeatures.UprobeMulti => UprobeMulti(pid: 0),
            KernelFeatures.UprobeMultiProcess => UprobeMulti(pid: -1),
            KernelFeatures.UprobeSession => UprobeMulti(pid: 0, AttachType.TraceUprobeSession),
            KernelFeatures.PerfEventUprobe => sys.FileExists(Link.ProbePmu.UprobeTypePath) ? FeatureAnswer.Present : FeatureAnswer.Absent,
            KernelFeatures.BpfCookie => Program(static code => code.Call(HelperId.GetAttachCookie)),
            KernelFeatures.RingBuffer => RingBuffer(),
            KernelFeatures.BpfLoop => Program(static code => code.Call(HelperId.Loop)),
            KernelFeatures.FindVma => Program(static code => code.Call(HelperId.FindVma)),
            KernelFeatures.MayGoto => Program(static code =>
            {
                var end = code.CreateLabel("end");
                code.MayGoto(end);
                code.Place(end);
            }),
            KernelFeatures.MapBatch => MapBatch(),
            KernelFeatures.KprobeMulti => KprobeMulti(),
            KernelFeatures.PerfEventKprobe => sys.FileExists(Link.ProbePmu.KprobeTypePath) ? FeatureAnswer.Present : FeatureAnswer.Absent,
            KernelFeatures.Fentry => Fentry(),
            _ => throw new ArgumentOutOfRangeException(nameof(feature), feature, "One feature is asked for at a time."),
        };
        if (answer != FeatureAnswer.Unknown)
        {
            _answers[feature] = answer;
        }

        return answer;
    }

    /// <summary>
    /// A link to the root directory: a kernel with uprobe_multi finds that it is no file (EBADF), one without knows no such attach type (EINVAL). A negative
    /// pid is refused (EINVAL) since the pid means a process, and before that was not looked at ahead of the path (EBADF).
    /// </summary>
    private FeatureAnswer UprobeMulti(int pid, AttachType attachType = AttachType.TraceUprobeMulti)
    {
        if (pid != 0 && Ask(KernelFeatures.UprobeMulti) is not FeatureAnswer.Present and var without)
        {
            return without;
        }

        using var program = Load(static _ => { }, attachType, out var answer);
        if (program is null)
        {
            return answer;
        }

        ulong offset = 0;
        fixed (byte* path = "/\0"u8)
        {
            var attribute = new LinkCreateAttribute
            {
                ProgramFd = (uint)program.Fd,
                AttachType = (uint)attachType,
                UprobeMulti = new() { Path = (ulong)path, Offsets = (ulong)&offset, Count = 1, Pid = pid },
            };
            using var link = KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out var errno);
            return errno switch
            {
                Errno.EBADF => pid == 0 ? FeatureAnswer.Present : FeatureAnswer.Absent,
                Errno.EINVAL when pid != 0 => FeatureAnswer.Present,
                Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP => FeatureAnswer.Absent,
                _ => FeatureAnswer.Unknown,
            };
        }
    }

    /// <summary>A link to a function that does not exist: a kernel with kprobe_multi looks for it (ESRCH), one without knows no such attach type.</summary>
    private FeatureAnswer KprobeMulti()
    {
        using var program = Load(static _ => { }, AttachType.TraceKprobeMulti, out var answer);
        if (program is null)
        {
            return answer;
        }

        fixed (byte* name = "stackdepth.no_such_function\0"u8)
        {
            var symbol = (ulong)name;
            var attribute = new LinkCreateAttribute
            {
                ProgramFd = (uint)program.Fd,
                AttachType = (uint)AttachType.TraceKprobeMulti,
                KprobeMulti = new() { Count = 1, Symbols = (ulong)&symbol },
            };
            using var link = KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out var errno);
            return errno is Errno.ESRCH or Errno.ENOENT ? FeatureAnswer.Present : Conclude(errno);
        }
    }

    /// <summary>
    /// Attaches to a function that only tests of BPF programs call (net/bpf/test_run.c): where the kernel cannot patch its functions, that is told at the load or at the attachment.
    /// </summary>
    private FeatureAnswer Fentry()
    {
        if (VmlinuxBtf.TryRead(sys: sys)?.FindFunction("bpf_fentry_test1") is not { } function)
        {
            return FeatureAnswer.Unknown;
        }

        using var program = Load(static _ => { }, AttachType.TraceFentry, out var answer, function);
        if (program is null)
        {
            return answer;
        }

        var attribute = new RawTracepointAttribute { ProgramFd = (uint)program.Fd };
        using var link = KernelCall.BpfDescriptor(sys, BpfCommand.RawTracepointOpen, ref attribute, out var errno);
        return link is null ? Conclude(errno) : FeatureAnswer.Present;
    }

    private FeatureAnswer RingBuffer()
    {
        try
        {
            using var map = BpfMap.Create(new MapSpec("probe", MapType.RingBuffer, 0, 0, Environment.SystemPageSize), sys);
            return FeatureAnswer.Present;
        }
        catch (KernelException error)
        {
            return Conclude(error.Errno);
        }
    }

    private FeatureAnswer MapBatch()
    {
        try
        {
            using var map = BpfMap.Create(new MapSpec("probe", MapType.Array, 4, 4, 1), sys);
            uint key = 0, value = 0, position = 0;
            var attribute = new MapBatchAttribute
            {
                OutBatch = (ulong)&position,
                Keys = (ulong)&key,
                Values = (ulong)&value,
                Count = 1,
                MapFd = (uint)map.Fd,
            };
            var result = KernelCall.Bpf(sys, BpfCommand.MapLookupBatch, ref attribute);
            return result is >= 0 or -(long)Errno.ENOENT ? FeatureAnswer.Present : Conclude((Errno)(-result));
        }
        catch (KernelException error)
        {
            return error.Errno is Errno.EINVAL ? FeatureAnswer.Unknown : Conclude(error.Errno);
        }
    }

    private FeatureAnswer Program(Action<Assembler> body)
    {
        using var program = Load(body, AttachType.None, out var answer);
        return answer;
    }

    private BpfProgram? Load(Action<Assembler> body, AttachType attachType, out FeatureAnswer answer, int function = 0)
    {
        var code = new Assembler();
        body(code);
        code.Mov(Register.R0, 0);
        code.Exit();
        var spec = new ProgramSpec
        {
            Name = "probe",
            Type = function == 0 ? ProgramType.Kprobe : ProgramType.Tracing,
            ExpectedAttachType = attachType,
            AttachFunction = function,
            Instructions = code.Assemble().Instructions,
        };
        try
        {
            var program = BpfProgram.Load(spec, new Dictionary<string, BpfMap>(), sys);
            answer = FeatureAnswer.Present;
            return program;
        }
        catch (VerifierException error)
        {
            // A helper that is known but called with the wrong arguments is there; the words for one that is not differ between kernels.
            var lacks = error.Log.Contains("invalid func ", StringComparison.Ordinal) || error.Log.Contains("unknown func ", StringComparison.Ordinal)
                || error.Log.Contains("unknown opcode ", StringComparison.Ordinal) || error.Log.Contains("cannot use helper", StringComparison.Ordinal)
                || error.Log.Contains("uses reserved fields", StringComparison.Ordinal);
            answer = lacks ? FeatureAnswer.Absent : FeatureAnswer.Present;
            return null;
        }
        catch (KernelException error)
        {
            answer = Conclude(error.Errno);
            return null;
        }
    }

    private static FeatureAnswer Conclude(Errno errno) => errno is Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP ? FeatureAnswer.Absent : FeatureAnswer.Unknown;
}
