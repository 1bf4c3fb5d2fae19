using System.Collections.Immutable;
using StackDepth.Native.Asm;
using static StackDepth.Native.Asm.Register;

namespace StackDepth.Native.Tests.Asm;

public sealed class EncodingTests
{
    private static readonly string[] OtherNotation = ["chg", "fetch", "ld_pseudo", "call 1", "call 211", " goto ", "skb[r"];

    [Fact]
    public void Every_form_has_the_bytes_of_llvm()
    {
        var expected = EncodingData.Read();
        var wrong = new List<string>();
        foreach (var (text, emit) in EncodingForms.All())
        {
            var assembler = new Assembler();
            emit(assembler);
            assembler.Exit();
            var first = assembler.Assemble().Instructions[0];
            var actual = InstructionEncoder.Encode([first]);
            if (!expected.TryGetValue(text, out var bytes) || !bytes.AsSpan().SequenceEqual(actual))
                wrong.Add($"{text}: {Convert.ToHexString(actual)} instead of {(bytes is null ? "nothing" : Convert.ToHexString(bytes))}");
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_line_of_the_data_file_decodes_and_encodes_to_the_same_bytes()
    {
        foreach (var (text, bytes) in EncodingData.Read())
        {
            var decoded = InstructionDecoder.Decode(bytes);
            Assert.Single(decoded);
            Assert.True(bytes.AsSpan().SequenceEqual(InstructionEncoder.Encode(decoded.AsSpan())), text);
        }
    }

    [Fact]
    public void Every_line_of_the_data_file_has_its_own_disassembly()
    {
        var seen = new Dictionary<string, string>();
        foreach (var (text, bytes) in EncodingData.Read())
            Assert.True(seen.TryAdd(Disassembler.Format(InstructionDecoder.Decode(bytes)[0]), text), text);
    }

    [Fact]
    public void Disassembly_agrees_with_llvm_apart_from_notation()
    {
        var wrong = new List<string>();
        foreach (var (llvm, bytes) in EncodingData.Read())
        {
            // The kernel, which we follow, writes these otherwise: atomics with a result, 64-bit immediates, calls, constants of jumps.
            if (OtherNotation.Any(part => llvm.Contains(part, StringComparison.Ordinal)) || llvm.EndsWith(" ll", StringComparison.Ordinal))
                continue;
            var ours = Disassembler.Format(InstructionDecoder.Decode(bytes)[0]);
            if (Plain(ours) != Plain(llvm))
                wrong.Add($"{ours} | {llvm}");
        }

        Assert.Empty(wrong);

        // The kernel writes memory operands with r registers at all widths and no blank after the sign.
        static string Plain(string text)
        {
            text = text.Replace(" ", "", StringComparison.Ordinal);
            return text.Contains('*', StringComparison.Ordinal) && !text.Contains("*=", StringComparison.Ordinal) ? text.Replace('w', 'r') : text;
        }
    }

    [Fact]
    public void A_resolver_fills_in_the_descriptors_of_maps_and_leaves_the_instructions_alone()
    {
        var assembler = new Assembler();
        assembler.LoadMap(R1, "events");
        assembler.LoadMapValue(R2, "scratch", 24);
        assembler.Exit();
        var code = assembler.Assemble().Instructions;

        var bytes = InstructionEncoder.Encode(code.AsSpan(), map => map == "events" ? 7 : 9);

        Assert.Equal("181100000700000000000000000000001822000009000000000000001800000095", Convert.ToHexString(bytes)[..66]);
        Assert.Equal(0, code[0].Immediate);
        Assert.Equal("1811000000000000", Convert.ToHexString(InstructionEncoder.Encode(code.AsSpan()))[..16]);
    }

    [Fact]
    public void Instructions_without_an_encoding_are_refused_with_their_index()
    {
        ImmutableArray<Instruction> code = [new() { Code = 0x95 }, new() { Code = 0x95, Immediate = 1 }];
        var error = Assert.Throws<InstructionFormatException>(() => InstructionEncoder.Encode(code.AsSpan()));
        Assert.Contains("Instruction 1 cannot be encoded: the immediate is not used", error.Message, StringComparison.Ordinal);
        Assert.Throws<InstructionFormatException>(() => InstructionEncoder.Encode([new Instruction { Code = 0xb7, Immediate = 1L << 31 }]));
        Assert.Throws<InstructionFormatException>(() => InstructionEncoder.Encode([new Instruction { Code = 0xb7, Map = "m" }]));
    }
}
