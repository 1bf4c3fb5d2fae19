using StackDepth.Native.Asm;

namespace StackDepth.Native.Tests.Asm;

public sealed class DecoderTests
{
    [Fact]
    public void Random_instructions_survive_encoding_and_decoding()
    {
        var random = new RandomInstructions(seed: 1);
        var codes = new HashSet<byte>();
        for (var program = 0; program < 2_000; program++)
        {
            Instruction[] instructions = [.. Enumerable.Range(0, 25).Select(_ => random.Next())];
            codes.UnionWith(instructions.Select(instruction => instruction.Code));
            Assert.Equal(instructions, InstructionDecoder.Decode(InstructionEncoder.Encode(instructions)));
        }

        // The opcodes that LLVM and we know are the same.
        Assert.Equal(EncodingData.Read().Values.Select(bytes => bytes[0]).Distinct().Order(), codes.Order());
    }

    [Fact]
    public void Different_instructions_have_different_disassembly()
    {
        var random = new RandomInstructions(seed: 2);
        var texts = new Dictionary<string, Instruction>();
        for (var i = 0; i < 50_000; i++)
        {
            var instruction = random.Next();
            if (texts.TryGetValue(Disassembler.Format(instruction), out var other))
                Assert.Equal(other, instruction);
            else
                texts.Add(Disassembler.Format(instruction), instruction);
        }
    }

    [Fact]
    public void Malformed_instructions_have_a_disassembly_of_their_own_too()
    {
        var random = new Random(3);
        for (var i = 0; i < 20_000; i++)
        {
            var instruction = new Instruction
            {
                Code = (byte)random.Next(256),
                Dst = (Register)random.Next(256),
                Src = (Register)random.Next(256),
                Offset = (short)random.Next(),
                Immediate = random.NextInt64(long.MinValue, long.MaxValue),
                Map = random.Next(3) == 0 ? "m" : null,
            };
            Assert.Equal(InstructionRules.Violation(instruction) is not null, Disassembler.Format(instruction).StartsWith(".insn", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Random_bytes_decode_or_are_refused_and_what_decodes_encodes_to_the_same_bytes()
    {
        var random = new Random(4);
        var decoded = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            // Mostly zero bytes, or nothing would ever decode.
            for (var at = 0; at < bytes.Length; at++)
            {
                if (at % 8 != 0 && random.Next(3) != 0)
                    bytes[at] = 0;
            }

            try
            {
                Assert.Equal(bytes, InstructionEncoder.Encode(InstructionDecoder.Decode(bytes).AsSpan()));
                decoded++;
            }
            catch (InstructionFormatException)
            {
            }
        }

        Assert.True(decoded > 1_000, $"only {decoded} decoded");
    }

    [Theory]
    [InlineData("95000000000000", "no whole number of 8-byte slots")]
    [InlineData("1801000001000000", "the second slot of a 64-bit immediate load is missing")]
    [InlineData("18010000010000000100000000000000", "the second slot of a 64-bit immediate load has more than an immediate")]
    [InlineData("18010000010000000001000000000000", "the second slot of a 64-bit immediate load has more than an immediate")]
    [InlineData("18010100010000000000000000000000", "the offset is not used")]
    [InlineData("18710000010000000000000000000000", "64-bit immediate loads of kind 7 do not exist")]
    [InlineData("18110000010000000000000001000000", "the immediate of the second slot is not used")]
    [InlineData("FF00000000000000", "unknown opcode 0xff")]
    [InlineData("8D00000000000000", "unknown opcode 0x8d")]
    [InlineData("9600000000000000", "unknown opcode 0x96")]
    [InlineData("9500000001000000", "the immediate is not used")]
    [InlineData("9501000000000000", "the destination register is not used")]
    [InlineData("B721000000000000", "the source register is not used")]
    [InlineData("0700010000000000", "the offset is not used")]
    [InlineData("BF21030000000000", "sign extension from 3 bits")]
    [InlineData("BC21200000000000", "sign extension from 32 bits")]
    [InlineData("D701000008000000", "byte swap of 8 bits")]
    [InlineData("DB21000002000000", "atomic operation 0x2 does not exist")]
    [InlineData("D321000000000000", "this atomic operation exists for 32 and 64 bits only")]
    [InlineData("BF0B000000000000", "destination register 11 does not exist")]
    [InlineData("BFB0000000000000", "source register 11 does not exist")]
    [InlineData("8530000001000000", "calls of kind 3 do not exist")]
    [InlineData("9921000000000000", "unknown opcode 0x99")]
    public void Malformed_bytes_are_refused_with_the_reason(string hex, string reason)
    {
        var error = Assert.Throws<InstructionFormatException>(() => InstructionDecoder.Decode(Convert.FromHexString(hex)));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_names_the_slot()
    {
        var error = Assert.Throws<InstructionFormatException>(() => InstructionDecoder.Decode(Convert.FromHexString("18010000010000000000000000000000FF00000000000000")));
        Assert.StartsWith("Slot 2 does not hold an eBPF instruction", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_bytes_are_no_instructions() => Assert.Empty(InstructionDecoder.Decode([]));
}
