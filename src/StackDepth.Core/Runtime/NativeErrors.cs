using StackDepth.Native.Elf;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Runtime;

/// <summary>Turns what the lower floor throws into the public exceptions; null for what is not its to translate.</summary>
internal static class NativeErrors
{
    internal static StackDepthException? Translate(Exception error) => error switch
    {
        StackDepthException => null,
        TargetNotFoundException missing => new ProbeTargetNotFoundException(missing.Message, missing.Suggestions, missing),
        TargetException or ElfException => new ProbeTargetNotFoundException(error.Message, [], error),
        VerifierException verifier => new ProbeVerificationException(verifier.Message, verifier.Log, verifier.Disassembly, verifier),
        KernelException { Errno: Errno.ESRCH } gone => new ProbeTargetNotFoundException(gone.Message, [], gone),
        KernelException kernel => new ProbeUnavailableException(kernel.Message, kernel.Remedy, kernel),
        _ => null,
    };
}
