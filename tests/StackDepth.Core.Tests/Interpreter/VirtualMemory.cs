namespace StackDepth.Core.Tests.Interpreter;

/// <summary>A piece of memory that a program may hold a pointer to. Reading bytes that nobody wrote is an error where the kernel's verifier would see one.</summary>
internal sealed class Region(string name, ulong address, int size, bool written)
{
    internal string Name { get; } = name;

    internal ulong Address { get; } = address;

    internal byte[] Bytes { get; } = new byte[size];

    internal bool[]? Written { get; } = written ? null : new bool[size];

    /// <summary>Memory of the kernel's own structs: a program reads it through pointers that the kernel gave it, and writes it never.</summary>
    internal bool Kernel { get; init; }

    /// <summary>Whether the program has given the memory back; every later access is an error.</summary>
    internal bool Gone { get; set; }

    /// <summary>The first bytes that hold the answer of no one: null when all of them were written.</summary>
    internal int? FirstUnwritten(int offset, int size)
    {
        var index = Written is null ? -1 : Written.AsSpan(offset, size).IndexOf(false);
        return index < 0 ? null : offset + index;
    }
}

/// <summary>An address space of regions far from each other, so that no arithmetic leads from one into another unseen.</summary>
internal sealed class VirtualMemory
{
    private const int Margin = 1 << 20;
    private readonly List<Region> _regions = [];

    internal Region Add(string name, int size, bool written = true, bool kernel = false)
    {
        var region = new Region(name, ((ulong)(_regions.Count + 1) << 32) + Margin, size, written) { Kernel = kernel };
        _regions.Add(region);
        return region;
    }

    /// <summary>Whether an address lies in the first page, which is never mapped: the kernel reads zeroes through such a pointer.</summary>
    internal static bool IsNull(ulong address) => address < 4096;

    /// <summary>The region that holds all <paramref name="size"/> bytes at <paramref name="address"/>.</summary>
    internal (Region Region, int Offset) Find(ulong address, int size)
    {
        var index = (int)(address >> 32) - 1;
        if (index < 0 || index >= _regions.Count)
            throw new MachineException($"0x{address:x} is no pointer");
        var region = _regions[index];
        var offset = (long)(address - region.Address);
        if (region.Gone)
            throw new MachineException($"{region.Name} was given back");
        if (offset < 0 || offset + size > region.Bytes.Length)
            throw new MachineException($"{size} bytes at {offset} are outside of the {region.Bytes.Length} bytes of {region.Name}");
        return (region, (int)offset);
    }
}

/// <summary>A program did what the verifier, or a helper, would not let it do.</summary>
internal sealed class MachineException(string message) : Exception(message);
