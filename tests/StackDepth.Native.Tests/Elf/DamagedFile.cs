namespace StackDepth.Native.Tests.Elf;

/// <summary>Damages files as a bad disk or a hostile author would.</summary>
internal static class DamagedFile
{
    /// <summary>
    /// A copy with a few bytes changed, and sometimes cut off. Half of the damage goes to the headers and tables at both ends, where all the numbers are; the rest to
    /// <paramref name="where"/> (a start and a length), or anywhere.
    /// </summary>
    internal static byte[] Of(byte[] original, Random random, (int Start, int Length)? where = null)
    {
        var bytes = original.AsSpan().ToArray();
        for (var flips = random.Next(1, 6); flips > 0; flips--)
        {
            var at = random.Next(4) switch
            {
                0 => random.Next(Math.Min(1024, bytes.Length)),
                1 => bytes.Length - 1 - random.Next(Math.Min(2048, bytes.Length)),
                _ when where is { } part => part.Start + random.Next(part.Length),
                _ => random.Next(bytes.Length),
            };
            bytes[at] = random.Next(3) switch { 0 => 0xff, 1 => 0, _ => (byte)random.Next(256) };
        }

        return random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }

    /// <summary>Makes an ELF file say that it has no sections: e_shoff, e_shnum and e_shstrndx are 0.</summary>
    internal static void RemoveSections(byte[] file)
    {
        file.AsSpan(40, 8).Clear();
        file.AsSpan(60, 4).Clear();
    }
}
