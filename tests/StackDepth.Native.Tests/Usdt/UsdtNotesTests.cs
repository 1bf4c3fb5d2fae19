using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using StackDepth.Native.Elf;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Usdt;

namespace StackDepth.Native.Tests.Usdt;

public sealed partial class UsdtNotesTests
{
    private static readonly string[] s_files =
        ["/usr/bin/python3.11", "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/bin/node"];

    [Fact]
    public void The_notes_of_the_systems_files_are_those_that_readelf_shows()
    {
        Requires.Tool("readelf");
        var seen = 0;
        foreach (var file in s_files.Where(File.Exists))
        {
            using var image = ElfImage.Open(file);
            var notes = UsdtNotes.Read(image);
            var expected = ReadelfNote().Matches(CompiledTargets.Run("readelf", "-nW", file)).Select(static match => new UsdtNote(
                match.Groups[1].Value, match.Groups[2].Value, Hex(match.Groups[3]), Hex(match.Groups[4]), match.Groups[5].Value.TrimEnd()));
            Assert.Equal(expected, notes);
            var arguments = notes.SelectMany(note => UsdtArgumentParser.Parse(note.Arguments, image.Machine)).ToArray();
            Assert.Equal(notes.Sum(static note => note.Arguments.Count(static c => c == '@')), arguments.Length);
            Assert.All(arguments, static argument => Assert.True(argument.Operand != UsdtOperand.Unsupported, $"{argument.Text}: {argument.Problem}"));
            seen += notes.Count;
        }

        Requires.That(seen > 0, "a file with USDT probes");
    }

    [Fact]
    public void A_file_that_was_moved_after_linking_has_its_notes_moved_by_as_much()
    {
        var notes = Note("demo", "tick", "8@%rax", 0x1000, 0x8000, 0x9002);
        Assert.Equal([new UsdtNote("demo", "tick", 0x1500, 0x9502, "8@%rax")], UsdtNotes.Parse(notes, 0x8500, "file"));
        Assert.Equal([new UsdtNote("demo", "tick", 0xb00, 0x8b02, "8@%rax")], UsdtNotes.Parse(notes, 0x7b00, "file"));
        Assert.Equal([new UsdtNote("demo", "tick", 0x1000, 0x9002, "8@%rax")], UsdtNotes.Parse(notes, 0, "file"));
        Assert.Equal(0UL, UsdtNotes.Parse(Note("demo", "tick", "", 0x1000, 0x8000, 0), 0x8500, "file")[0].Semaphore);
    }

    [Fact]
    public void Notes_of_others_are_passed_over_and_what_is_cut_off_is_an_error()
    {
        byte[] notes = [.. Note("demo", "tick", "8@%rax 4@$5", 1, 0, 0), .. Note("demo", "other", "", 2, 0, 0, owner: "GNU\0"), .. Note("x", "y", "", 3, 0, 0, type: 4), .. Note("z", "w", "", 4, 0, 0)];
        Assert.Equal(["demo:tick", "z:w"], UsdtNotes.Parse(notes, 0, "file").Select(static note => $"{note.Provider}:{note.Name}"));
        for (var length = 1; length < notes.Length; length++)
        {
            // Cut between two notes, or within the last one's padding, it is whole.
            var cut = notes.AsSpan(0, length).ToArray();
            try
            {
                Assert.InRange(UsdtNotes.Parse(cut, 0, "file").Count, 1, 2);
            }
            catch (ElfException error)
            {
                Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
            }
        }

        Assert.Throws<ElfException>(() => UsdtNotes.Parse([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 3, 0, 0, 0], 0, "file"));
        Assert.Throws<ElfException>(() => UsdtNotes.Parse([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 3, 0, 0, 0], 0, "file"));
        Assert.Throws<ElfException>(() => UsdtNotes.Parse([8, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, .. "stapsdt\0"u8, 1, 2, 0, 0], 0, "file"));
    }

    [Fact]
    public void Notes_of_any_bytes_are_read_or_refused_within_bounds()
    {
        byte[] good = [.. Note("demo", "tick", "8@%rax -4@-20(%rbp,%rax,4)", 1, 2, 3), .. Note("demo", "tock", "", 2, 0, 0)];
        var random = new Random(20261123);
        int read = 0, refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = good.ToArray();
            for (var n = random.Next(1, 6); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                var notes = UsdtNotes.Parse(bytes, (ulong)random.NextInt64(), "file");
                foreach (var note in notes)
                {
                    Assert.InRange(UsdtArgumentParser.Parse(note.Arguments, ElfConstants.MachineX64).Length, 0, 64);
                    Assert.InRange(UsdtArgumentParser.Parse(note.Arguments, ElfConstants.MachineArm64).Length, 0, 64);
                }

                read++;
            }
            catch (ElfException)
            {
                refused++;
            }
        }

        Assert.True(read > 1000 && refused > 1000, $"{read} read, {refused} refused");
    }

    internal static byte[] Note(string provider, string name, string arguments, ulong address, ulong start, ulong semaphore, string owner = "stapsdt\0", uint type = 3)
    {
        byte[] text = Encoding.ASCII.GetBytes($"{provider}\0{name}\0{arguments}\0");
        var note = new byte[12 + ((owner.Length + 3) & ~3) + 24 + ((text.Length + 3) & ~3)];
        var at = note.AsSpan();
        BinaryPrimitives.WriteUInt32LittleEndian(at, (uint)owner.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], (uint)(24 + text.Length));
        BinaryPrimitives.WriteUInt32LittleEndian(at[8..], type);
        Encoding.ASCII.GetBytes(owner, at[12..]);
        at = at[(12 + ((owner.Length + 3) & ~3))..];
        BinaryPrimitives.WriteUInt64LittleEndian(at, address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], start);
        BinaryPrimitives.WriteUInt64LittleEndian(at[16..], semaphore);
        text.CopyTo(at[24..]);
        return note;
    }

    private static ulong Hex(Group group) => ulong.Parse(group.ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Provider: (.*)\n\s*Name: (.*)\n\s*Location: 0x(\w+), Base: 0x\w+, Semaphore: 0x(\w+)\n\s*Arguments: ?(.*)\n")]
    private static partial Regex ReadelfNote();
}
