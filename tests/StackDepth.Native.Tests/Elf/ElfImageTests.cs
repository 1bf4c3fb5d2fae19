using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Tests.Elf;

public sealed class ElfImageTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private const string Source = """
        #include <stdio.h>
        __attribute__((noinline)) static int hidden(int x) { __asm__ volatile(""); return x * 3; }
        __attribute__((noinline)) int visible(int x) { __asm__ volatile(""); return hidden(x) + 1; }
        int other_name(int x) __attribute__((alias("visible")));
        int main(int argc, char** argv) { printf("%d\n", visible(argc)); return 0; }
        """;

    [Theory]
    [InlineData("pie", ElfConstants.TypeShared, "-pie", "-fPIE")]
    [InlineData("nopie", ElfConstants.TypeExecutable, "-no-pie", "-fno-pie")]
    public void Function_offsets_go_through_the_executable_segment(string name, int type, params string[] arguments)
    {
        var path = targets.Compile(name, Source, arguments);
        using var image = ElfImage.Open(path);
        Assert.Equal(type, image.Type);
        Assert.NotNull(image.Interpreter);
        Assert.Contains("libc.so.6", image.Dynamic.Needed);

        var visible = Find(image.Symbols, "visible");
        Assert.True(image.TryGetCodeOffset(visible.Value, out var offset));
        Assert.Equal(ExpectedOffset(path, visible.Value), offset);
        Assert.Equal(visible.Value, Find(image.Symbols, "other_name").Value);
        Assert.True(Find(image.Symbols, "hidden").IsDefined);
        Assert.False(Find(image.DynamicSymbols, "printf").IsDefined);
        Assert.False(image.TryGetCodeOffset(0xdead_beef_0000, out _));
    }

    [Theory]
    [InlineData(true, "-pie", "-fPIE")]
    [InlineData(true, "-static-pie", "-fPIE")]
    [InlineData(true, "-no-pie", "-fno-pie")]
    [InlineData(true, "-no-pie", "-static")]
    [InlineData(false, "-shared", "-fPIC")]
    public void A_program_is_told_from_a_library_as_the_loader_tells_them(bool isProgram, params string[] arguments)
    {
        var path = targets.Compile($"kind{string.Concat(arguments)}", Source, arguments);
        using var image = ElfImage.Open(path);
        Assert.Equal(isProgram, image.IsProgram);
        Assert.Equal(!isProgram, NativeLibrary.TryLoad(path, out var handle));
        if (!isProgram)
            NativeLibrary.Free(handle);
    }

    [Fact]
    public void Sections_are_found_by_their_exact_name()
    {
        using var image = ElfImage.Open(targets.Compile("sections", Source));
        Assert.True(image.TryGetSection(".eh_frame"u8, out var frame));
        Assert.Equal((int)frame.Size, image.ReadSection(frame).Length);
        Assert.True(image.TryGetSection(".text"u8, out _));
        Assert.False(image.TryGetSection(".tex"u8, out _));
    }

    [Fact]
    public void The_build_id_is_that_of_readelf()
    {
        var path = targets.Compile("buildid", Source, "-Wl,--build-id=0x0123456789abcdef0123");
        using var image = ElfImage.Open(path);
        Assert.Equal("0123456789abcdef0123", Convert.ToHexStringLower(image.BuildId));
    }

    [Theory]
    [InlineData("sysv")]
    [InlineData("gnu")]
    public void Without_section_headers_the_hash_table_counts_the_dynamic_symbols(string style)
    {
        var path = targets.Compile($"lib{style}.so", Source, "-shared", "-fPIC", $"-Wl,--hash-style={style}");
        using (var whole = ElfImage.Open(path))
        {
            var bytes = File.ReadAllBytes(path);
            bytes.AsSpan(40, 8).Clear();
            bytes.AsSpan(60, 4).Clear();
            File.WriteAllBytes(path + ".bare", bytes);
            using var bare = ElfImage.Open(path + ".bare");
            Assert.Equal(0, bare.Symbols.Count);
            Assert.True(whole.DynamicSymbols.Count > 3);
            Assert.Equal(whole.DynamicSymbols.Count, bare.DynamicSymbols.Count);
            Assert.Equal(Find(whole.DynamicSymbols, "visible").Value, Find(bare.DynamicSymbols, "visible").Value);
            Assert.Equal(Convert.ToHexString(whole.BuildId), Convert.ToHexString(bare.BuildId));
        }
    }

    [Fact]
    public void Extended_counts_come_from_section_zero()
    {
        var path = targets.Compile("extended", Source);
        var bytes = File.ReadAllBytes(path);
        var sections = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(40));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(sections + 44), BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(56)));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(sections + 32), BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(60)));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(sections + 40), BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(62)));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(56), 0xffff);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(60), 0);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(62), 0xffff);
        File.WriteAllBytes(path + ".x", bytes);

        using var plain = ElfImage.Open(path);
        using var extended = ElfImage.Open(path + ".x");
        Assert.Equal(plain.Segments.Length, extended.Segments.Length);
        Assert.Equal(plain.Sections.Length, extended.Sections.Length);
        Assert.True(extended.TryGetSection(".text"u8, out _));
        Assert.Equal(plain.Symbols.Count, extended.Symbols.Count);
    }

    [Theory]
    [InlineData(4, 1, "is a 32-bit ELF file")]
    [InlineData(4, 9, "its ELF class is 9")]
    [InlineData(5, 2, "is a big-endian ELF file")]
    [InlineData(18, 243, "is for another kind of machine (RISC-V; this one is")]
    [InlineData(0, 0, "is not an ELF program or library")]
    [InlineData(54, 55, "its program headers are 55 bytes each")]
    [InlineData(39, 0x7f, "its program header table")]
    public void A_file_of_another_kind_is_refused_with_the_reason(int at, int value, string reason)
    {
        var bytes = File.ReadAllBytes(targets.Compile("mutated", Source));
        bytes[at] = (byte)value;
        var path = targets.PathOf($"mutated{at}.{value}");
        File.WriteAllBytes(path, bytes);
        var e = Assert.Throws<ElfException>(() => ElfImage.Open(path).Dispose());
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("\u007fELF\u0002\u0001", "is cut off")]
    [InlineData("#!/bin/sh\n", "is a script")]
    [InlineData("/* GNU ld script */", "is a linker script")]
    [InlineData("!<arch>\n", "is a static library")]
    [InlineData("hello, world, this is text", "is not an ELF program or library")]
    public void Text_and_stubs_are_refused_with_the_reason(string content, string reason)
    {
        var path = targets.PathOf("stub" + content.Length);
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(content));
        Assert.Contains(reason, Assert.Throws<ElfException>(() => ElfImage.Open(path).Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_a_regular_file_is_refused_without_blocking()
    {
        var fifo = targets.PathOf("fifo");
        CompiledTargets.Run("mkfifo", fifo);
        Assert.Contains("not a regular file", Assert.Throws<ElfException>(() => ElfImage.Open(fifo).Dispose()).Message, StringComparison.Ordinal);
        Assert.Throws<ElfException>(() => ElfImage.Open("/dev/zero").Dispose());
        Assert.Throws<ElfException>(() => ElfImage.Open(targets.Folder).Dispose());
        Assert.Throws<FileNotFoundException>(() => ElfImage.Open("/nowhere/at\0all").Dispose());
        Assert.Throws<FileNotFoundException>(() => ElfImage.Open("/nowhere/at/all").Dispose());
    }

    [Fact]
    public void A_file_that_shrinks_after_it_was_opened_is_an_error_and_no_crash()
    {
        var path = targets.Compile("shrinking", Source);
        using var image = ElfImage.Open(path);
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write))
        {
            file.SetLength(100);
        }

        Assert.Contains("cut off", Assert.Throws<ElfException>(() => image.Symbols.Count).Message, StringComparison.Ordinal);
    }

    internal static ElfSymbol Find(ElfSymbolTable table, string name)
    {
        for (var functions = table.Functions(); functions.MoveNext();)
        {
            if (Encoding.UTF8.GetString(functions.Name) == name)
            {
                return functions.Symbol;
            }
        }

        Assert.Fail($"no function {name} in {table.Source}");
        return default;
    }

    private static ulong ExpectedOffset(string path, ulong address)
    {
        // readelf -Wl: "  LOAD           0x001000 0x0000000000001000 0x0000000000001000 0x0001d5 0x0001d5 R E 0x1000"
        foreach (var line in CompiledTargets.Run("readelf", "-Wl", path).Split('\n'))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is ["LOAD", var offset, var virtualAddress, _, var size, ..])
            {
                var start = Convert.ToUInt64(virtualAddress, 16);
                if (address >= start && address < start + Convert.ToUInt64(size, 16))
                {
                    return address - start + Convert.ToUInt64(offset, 16);
                }
            }
        }

        Assert.Fail("readelf shows no segment for the address");
        return 0;
    }
}
