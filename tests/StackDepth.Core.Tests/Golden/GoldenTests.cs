using System.Text;
using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Core.Tests.Golden;

/// <summary>What the compiler makes of a query changes only on purpose: see <see cref="GoldenFile"/>.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string> Names { get; } = [.. GoldenQueries.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_query_compiles_to_its_golden_program(string name)
    {
        var (query, target) = GoldenQueries.All[name];
        var compiled = ProbeCompiler.Compile(query, target);

        var text = new StringBuilder();
        foreach (var program in compiled.Programs)
            text.Append(IrPrinter.Print(program.Ir)).Append('\n');
        foreach (var map in compiled.Maps)
            text.Append($"map {map.Name}: {map.Type}, key {map.KeySize} bytes, value {map.ValueSize} bytes, {map.MaxEntries} entries, {map.Flags}\n");
        foreach (var program in compiled.Programs)
            text.Append('\n').Append(Disassembler.Format(program.Program.Instructions, program.Program.Functions));
        GoldenFile.Check(name, text.ToString());
    }

    [Fact]
    public void The_programs_that_follow_a_command_are_golden()
    {
        var text = new StringBuilder();
        foreach (var follower in FollowerPrograms.Build(new(Tgid: 1238, Signal: 1600, Live: 12)))
            text.Append($"raw_tracepoint:{follower.Tracepoint} ({follower.Spec.Name})\n\n{Disassembler.Format(follower.Spec.Instructions, follower.Spec.Functions)}\n");
        GoldenFile.Check("followers", text.ToString());
    }

    [Fact]
    public void There_is_no_golden_file_without_a_query()
    {
        var files = Directory.GetFiles(GoldenFile.Folder, "*.txt").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal);

        Assert.Equal(GoldenQueries.All.Keys.Append("followers").Order(StringComparer.Ordinal), files);
    }

    [Fact]
    public void A_difference_shows_the_lines_that_changed_and_their_neighbours()
    {
        var before = string.Join('\n', Enumerable.Range(1, 20));

        Assert.Equal("  ...\n  7\n  8\n  9\n- 10\n+ ten\n  11\n  12\n  13\n  ...\n", Lines.Difference(before, before.Replace("10", "ten", StringComparison.Ordinal)));
        Assert.Equal("  1\n+ 2\n", Lines.Difference("1", "1\n2"));
        Assert.Equal("- 0\n  1\n", Lines.Difference("0\n1", "1"));
    }
}
