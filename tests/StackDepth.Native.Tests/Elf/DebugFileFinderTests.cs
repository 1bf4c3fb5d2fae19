using StackDepth.Native.Elf;

namespace StackDepth.Native.Tests.Elf;

public sealed class DebugFileFinderTests : IDisposable
{
    private const string Source = """
        __attribute__((noinline)) static int hidden(int x) { __asm__ volatile(""); return x * 3; }
        int main(int argc, char** argv) { return hidden(argc); }
        """;

    private readonly CompiledTargets _targets = new();

    public void Dispose() => _targets.Dispose();

    [Fact]
    public void A_debug_file_is_found_by_build_id()
    {
        var (path, debug) = Split("-Wl,--build-id=0xabcdef0123456789");
        var store = _targets.PathOf("store");
        Directory.CreateDirectory(store + "/.build-id/ab");
        File.Move(debug, store + "/.build-id/ab/cdef0123456789.debug");
        AssertFound(path, new DebugFileFinder(debugDirectory: store));
    }

    [Fact]
    public void A_build_id_file_with_another_id_is_not_used()
    {
        var (path, debug) = Split("-Wl,--build-id=0xabcdef0123456789");
        var store = _targets.PathOf("store");
        Directory.CreateDirectory(store + "/.build-id/ab");
        var other = _targets.Compile("other", Source, "-Wl,--build-id=0x1111222233334444");
        File.Delete(debug);
        File.Move(other, store + "/.build-id/ab/cdef0123456789.debug");
        AssertNotFound(path, new DebugFileFinder(debugDirectory: store), "has another build-id");
    }

    [Theory]
    [InlineData("")]
    [InlineData("/.debug")]
    [InlineData("store")]
    public void A_debug_file_is_found_by_its_link_in_each_place(string place)
    {
        var (path, debug) = Split("-Wl,--build-id=none");
        var store = _targets.PathOf("store");
        var directory = place == "store" ? store + _targets.Folder : _targets.Folder + place;
        Directory.CreateDirectory(directory);
        File.Move(debug, Path.Join(directory, Path.GetFileName(debug)), overwrite: true);
        AssertFound(path, new DebugFileFinder(debugDirectory: store));
    }

    [Fact]
    public void A_linked_file_with_another_checksum_is_not_used()
    {
        var (path, debug) = Split("-Wl,--build-id=none");
        File.AppendAllText(debug, "x");
        AssertNotFound(path, new DebugFileFinder(), "checksum");
    }

    [Fact]
    public void A_damaged_debug_file_is_named_as_the_problem()
    {
        var (path, debug) = Split("-Wl,--build-id=none");
        File.WriteAllText(debug, "not ELF");
        AssertNotFound(path, new DebugFileFinder(), "is not an ELF program");
    }

    [Fact]
    public void The_checksum_is_the_CRC_32_of_zlib()
    {
        Assert.Equal(0xCBF43926u, Crc32.Append(0, "123456789"u8));
        Assert.Equal(0xCBF43926u, Crc32.Append(Crc32.Append(0, "1234"u8), "56789"u8));
        Assert.Equal(0x414FA339u, Crc32.Append(0, "The quick brown fox jumps over the lazy dog"u8));
    }

    private (string Stripped, string Debug) Split(string option)
    {
        CompiledTargets.Require("objcopy");
        var path = _targets.Compile("prog", Source, option);
        var debug = path + ".debug";
        CompiledTargets.Run("objcopy", "--only-keep-debug", path, debug);
        CompiledTargets.Run("objcopy", "--strip-all", $"--add-gnu-debuglink={debug}", path);
        return (path, debug);
    }

    private static void AssertFound(string path, DebugFileFinder finder)
    {
        using var image = ElfImage.Open(path);
        Assert.True(image.IsStripped);
        using var debug = finder.Find(image, path);
        Assert.NotNull(debug);
        var hidden = ElfImageTests.Find(debug.Symbols, "hidden");
        Assert.True(image.TryGetCodeOffset(hidden.Value, out _));
    }

    private static void AssertNotFound(string path, DebugFileFinder finder, string problem)
    {
        using var image = ElfImage.Open(path);
        Assert.Null(finder.Find(image, path));
        Assert.Contains(problem, finder.Problem, StringComparison.Ordinal);
    }
}
