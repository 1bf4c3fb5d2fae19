using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Btf;

/// <summary>A file of BTF in memory, read-only. The file is the kernel's own, in sysfs, and cannot shrink.</summary>
internal sealed unsafe class BtfMapping : SafeHandle
{
    private const int ProtRead = 1;
    private const int MapPrivate = 2;

    private readonly nuint _length;
    private readonly SystemCalls _sys;

    private BtfMapping(int length, SystemCalls sys)
        : base(0, ownsHandle: true)
    {
        _length = (nuint)length;
        _sys = sys;
    }

    public override bool IsInvalid => handle == 0;

    internal byte* Start => (byte*)handle;

    /// <summary>Null where the kernel cannot map the file: sysfs can from Linux 6.16 on (btf_sysfs_vmlinux_mmap, kernel/bpf/sysfs_btf.c).</summary>
    internal static BtfMapping? TryMap(SafeFileHandle file, int length, SystemCalls sys)
    {
        var mapping = new BtfMapping(length, sys);
        var held = false;
        try
        {
            file.DangerousAddRef(ref held);
            if (length > 0 && sys.MMap(mapping._length, ProtRead, MapPrivate, (int)file.DangerousGetHandle(), 0) is > 0 and var address)
            {
                mapping.SetHandle((nint)address);
                return mapping;
            }
        }
        finally
        {
            if (held)
                file.DangerousRelease();
        }
        mapping.Dispose();
        return null;
    }

    protected override bool ReleaseHandle() => _sys.MUnmap(handle, _length) >= 0;
}
