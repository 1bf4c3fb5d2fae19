using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>
/// One load of one spec. The first attempt is without a log, because a log costs the verifier more than the verification; only a refused program is loaded
/// again with one, in a buffer that grows until all of it fits.
/// </summary>
internal sealed unsafe class ProgramLoader(ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, SystemCalls sys)
{
    private const uint LogAll = 2;
    private const uint LogBrief = 1;
    private const uint LogStatistics = 4;
    private const uint Sleepable = 1 << 4; // BPF_F_SLEEPABLE

    internal BpfProgram Load(bool keepLog)
    {
        // The maps stay open for as long as the kernel may look at their numbers.
        var held = new List<SafeHandle>();
        try
        {
            var code = InstructionEncoder.Encode(spec.Instructions.AsSpan(), name => Hold(name, held));
            using var functions = FunctionDescriptions.For(spec, sys);
            Errno errno = Errno.None;
            if (!keepLog)
            {
                if (Attempt(code, functions, null, 0, out errno, out _) is { } handle)
                {
                    return new BpfProgram(spec, handle, null, sys);
                }

                // These are no answers of the verifier's, and trying again with a log would hide them behind another.
                if (errno is Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM or Errno.EINTR or Errno.EAGAIN)
                {
                    throw Refused(errno);
                }
            }

            return LoadWithLog(code, functions, keepLog, errno);
        }
        finally
        {
            held.ForEach(static map => map.DangerousRelease());
        }
    }

    private BpfProgram LoadWithLog(byte[] code, FunctionDescriptions? functions, bool keepLog, Errno reason)
    {
        using var log = new LogBuffer();
        for (var level = keepLog ? LogAll | LogStatistics : LogBrief; ;)
        {
            var handle = Attempt(code, functions, log, level, out var errno, out var wanted);
            if (handle is not null)
            {
                return new BpfProgram(spec, handle, keepLog ? log.Text() : null, sys);
            }

            // ENOSPC means that the log did not fit, whatever came of the program.
            if (errno == Errno.ENOSPC && log.Grow(wanted))
            {
                continue;
            }

            if (errno == Errno.ENOSPC && keepLog)
            {
                // No buffer holds the full log: the program matters more, with the statistics only.
                (level, keepLog) = (LogStatistics, false);
                continue;
            }

            var text = log.Text();
            var truncated = errno == Errno.ENOSPC;
            errno = truncated && reason != Errno.None ? reason : errno;
            throw string.IsNullOrWhiteSpace(text) ? Refused(errno) : VerifierException.Create(spec, errno, text, truncated);
        }
    }

    private FileDescriptor? Attempt(byte[] code, FunctionDescriptions? functions, LogBuffer? log, uint level, out Errno errno, out uint wanted)
    {
        var license = Encoding.ASCII.GetBytes(spec.License + "\0");
        using var btf = functions is null ? default : functions.Btf.Borrow();
        fixed (byte* codePointer = code, licensePointer = license)
        fixed (FunctionInfoRecord* records = functions?.Records)
        {
            var attribute = new ProgramLoadAttribute
            {
                ProgramType = (uint)spec.Type,
                InstructionCount = (uint)(code.Length / 8),
                Instructions = (ulong)codePointer,
                License = (ulong)licensePointer,
                LogLevel = level,
                LogSize = log?.Size ?? 0,
                LogBuffer = log?.Address ?? 0,
                ExpectedAttachType = (uint)spec.ExpectedAttachType,
                ProgramFlags = spec.IsSleepable ? Sleepable : 0,
                AttachBtfId = (uint)spec.AttachFunction,
            };
            if (functions is not null)
            {
                attribute.ProgramBtfFd = (uint)btf.Value;
                attribute.FunctionInfoRecordSize = (uint)sizeof(FunctionInfoRecord);
                attribute.FunctionInfo = (ulong)records;
                attribute.FunctionInfoCount = (uint)functions.Records.Length;
            }

            KernelName.Write(attribute.ProgramName, spec.Name);
            var handle = KernelCall.BpfDescriptor(sys, BpfCommand.ProgLoad, ref attribute, out errno);
            wanted = attribute.LogTrueSize;
            return handle;
        }
    }

    private int Hold(string name, List<SafeHandle> held)
    {
        if (!maps.TryGetValue(name, out var map))
        {
            throw new ArgumentException($"Program '{spec.Name}' uses map '{name}', which was not given. Given: {string.Join(", ", maps.Keys.Order(StringComparer.Ordinal))}.");
        }

        var added = false;
        map.Handle.DangerousAddRef(ref added);
        held.Add(map.Handle);
        return map.Fd;
    }

    private KernelException Refused(Errno errno) =>
        KernelErrors.Create(KernelOperation.ProgramLoad, errno, $"program '{spec.Name}' ({spec.Type}, {spec.Instructions.Length} instructions)", sys);
}
