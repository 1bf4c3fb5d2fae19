using System.Globalization;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Targets;

/// <summary>The parts of functions that the compiler put elsewhere, against nm.</summary>
public sealed class ColdPartTests : IDisposable
{
    private const string Source = """
        #include <stdlib.h>
        __attribute__((cold, noinline)) void rare(int x) { if (x > 100) exit(x); }
        __attribute__((noipa)) int split(int x) { if (__builtin_expect(x > 50, 0)) { rare(x); rare(x + 1); return x * 3; } return x + 1; }
        __attribute__((noipa)) int whole(int x) { return x * 7; }
        int main(int argc, char **argv) { (void)argv; return split(argc) + whole(argc); }
        """;

    private static readonly ResolveOptions Options = new() { WorkingDirectory = "/", FindsColdParts = true };
    private readonly CompiledTargets _targets = new();

    public void Dispose() => _targets.Dispose();

    [Fact]
    public void A_functions_cold_part_is_where_nm_says()
    {
        var path = _targets.Compile("split", Source, "-O2", "-freorder-blocks-and-partition");
        var expected = CompiledTargets.Run("nm", "-S", path).Split('\n').Single(static line => line.EndsWith(" split.cold", StringComparison.Ordinal)).Split(' ');

        Assert.Equal(
            new ColdPart(ulong.Parse(expected[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), ulong.Parse(expected[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)), Cold(path, "split"));
        Assert.Equal(new ColdPart(0, 0), Cold(path, "whole"));
    }

    [Fact]
    public void Without_local_symbols_or_without_being_asked_nothing_is_said()
    {
        var path = _targets.Compile("stripped", Source, "-O2", "-freorder-blocks-and-partition", "-rdynamic");
        using (var target = TargetResolver.Resolve(path, "split", Options with { FindsColdParts = false }))
            Assert.Null(target.Sites.Single().Cold);
        CompiledTargets.Run("strip", path);
        Assert.Null(Cold(path, "split"));
    }

    [Fact]
    public void A_name_that_two_functions_have_says_nothing_of_either()
    {
        var path = _targets.Compile("names", """
            __asm__(".text\n.type twice,@function\ntwice: nop\nret\n.size twice,.-twice\n"
                    ".type twice.cold,@function\ntwice.cold: nop\nret\n.size twice.cold,.-twice.cold\n"
                    ".globl other\n.type other,@function\nother: nop\nret\n.size other,.-other\n"
                    ".type other.cold,@function\nother.cold: nop\nret\n.size other.cold,.-other.cold\n"
                    ".type other.cold.1,@function\nother.cold.1: nop\nnop\nret\n.size other.cold.1,.-other.cold.1\n"
                    ".globl once\n.type once,@function\nonce: nop\nret\n.size once,.-once\n"
                    ".type once.cold.12,@function\nonce.cold.12: nop\nnop\nret\n.size once.cold.12,.-once.cold.12\n"
                    ".type once.colder,@function\nonce.colder: nop\nret\n.size once.colder,.-once.colder\n");
            int main(void) { return 0; }
            """);

        Assert.Equal(3ul, Cold(path, "once")!.Value.Size);
        // Its parts are several.
        using (var target = TargetResolver.Resolve(path, "other", Options))
            Assert.Null(target.Sites.Single().Cold);
    }

    private static ColdPart? Cold(string path, string symbol)
    {
        using var target = TargetResolver.Resolve(path, symbol, Options);
        return target.Sites.Single().Cold;
    }
}
