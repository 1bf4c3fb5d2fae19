using System.Text;
using StackDepth.Native.Symbols;

namespace StackDepth.Native.Kernel;

/// <summary>Goes over the symbols of /proc/kallsyms.</summary>
internal ref struct KernelSymbolLines(ReadOnlySpan<byte> text)
{
    /// <summary>What stands for the module of the kernel itself, as /proc/kallsyms has no name for it.</summary>
    internal const string Vmlinux = "vmlinux";

    private ReadOnlySpan<byte> _rest = text;
    private ReadOnlySpan<byte> _moduleBytes;
    private byte _type;

    internal ulong Address { get; private set; }

    internal ReadOnlySpan<byte> Name { get; private set; }

    internal string Module { get; private set; } = Vmlinux;

    internal readonly bool IsText => _type is (byte)'t' or (byte)'T' or (byte)'w' or (byte)'W';

    /// <summary>Code that a function of the kernel's or a module's source became; not what the kernel makes of BPF programs and probes, nor the padding before functions.</summary>
    internal readonly bool IsFunction =>
        IsText && Module is not ("bpf" or "__builtin__ftrace" or "__builtin__kprobes") && !Name.StartsWith("__pfx_"u8) && !Name.StartsWith("__cfi_"u8);

    internal bool MoveNext()
    {
        while (!_rest.IsEmpty)
        {
            var end = _rest.IndexOf((byte)'\n');
            var line = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? default : _rest[(end + 1)..];
            if (KernelSymbols.TryParse(line, out var address, out _type, out var name, out var module))
            {
                Address = address;
                Name = name;
                if (!module.SequenceEqual(_moduleBytes))
                {
                    _moduleBytes = module;
                    Module = module.IsEmpty ? Vmlinux : Encoding.UTF8.GetString(module.Trim("[]"u8));
                }

                return true;
            }
        }

        return false;
    }
}
