using System.Text;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Btf;

/// <summary>Loads BTF into the kernel.</summary>
internal static unsafe class BtfObject
{
    private const int LogSize = 64 * 1024;

    /// <exception cref="KernelException">The kernel refuses; the message has what it logged.</exception>
    internal static FileDescriptor Load(byte[] blob, SystemCalls sys)
    {
        fixed (byte* pointer = blob)
        {
            var attribute = new BtfLoadAttribute { Btf = (ulong)pointer, BtfSize = (uint)blob.Length };
            if (KernelCall.BpfDescriptor(sys, BpfCommand.BtfLoad, ref attribute, out var errno) is { } handle)
            {
                return handle;
            }

            var log = new byte[LogSize];
            fixed (byte* logPointer = log)
            {
                attribute.LogBuffer = (ulong)logPointer;
                attribute.LogSize = LogSize;
                attribute.LogLevel = 1;
                if (KernelCall.BpfDescriptor(sys, BpfCommand.BtfLoad, ref attribute, out errno) is { } second)
                {
                    return second;
                }
            }

            var text = Encoding.UTF8.GetString(log.AsSpan(0, Math.Max(log.AsSpan().IndexOf((byte)0), 0)));
            throw KernelErrors.Create(KernelOperation.BtfLoad, errno, $"{blob.Length} bytes", sys, text.Length == 0 ? null : $"Its log: {text.TrimEnd()}.");
        }
    }
}
