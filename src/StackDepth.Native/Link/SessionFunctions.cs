using StackDepth.Native.Btf;

namespace StackDepth.Native.Link;

/// <summary>
/// The kernel functions that a program of a session calls (<c>Assembler.CallKfunc</c>), by their ids in the kernel's BTF. Up to Linux 6.19 they take no argument.
/// </summary>
/// <param name="IsReturn"><c>bool bpf_session_is_return(void)</c>.</param>
/// <param name="Cookie"><c>__u64 *bpf_session_cookie(void)</c>: eight bytes of each activation, 0 at its entry, to be read and written.</param>
internal readonly record struct SessionFunctions(int IsReturn, int Cookie)
{
    /// <summary>Null where the kernel does not describe both.</summary>
    internal static SessionFunctions? Find(VmlinuxBtf btf) =>
        btf.FindFunction("bpf_session_is_return") is { } isReturn && btf.FindFunction("bpf_session_cookie") is { } cookie ? new SessionFunctions(isReturn, cookie) : null;
}
