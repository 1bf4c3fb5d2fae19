namespace StackDepth.Native.Elf;

/// <summary>A file is not an ELF file that StackDepth can use, or it is damaged or cut off. The message names the file and what is wrong with it.</summary>
internal sealed class ElfException : Exception
{
    internal ElfException(string path, string problem, Exception? inner = null)
        : base($"{PrintableText.Escape(path)}: {problem}", inner)
    {
        Path = path;
    }

    /// <summary>The file, as it was named to the reader.</summary>
    internal string Path { get; }
}
