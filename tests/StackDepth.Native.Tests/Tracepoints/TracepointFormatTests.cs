using StackDepth.Native.Tracepoints;

namespace StackDepth.Native.Tests.Tracepoints;

public sealed class TracepointFormatTests
{
    private const string Text = """
        name: demo
        ID: 372
        format:
        	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
        	field:int common_pid;	offset:4;	size:4;	signed:1;

        	field:char prev_comm[16];	offset:8;	size:16;	signed:0;
        	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
        	field:__data_loc char[] filename;	offset:28;	size:4;	signed:0;
        	field:__rel_loc unsigned long[] bits;	offset:32;	size:4;	signed:0;
        	field:const char * path;	offset:40;	size:8;	signed:0;
        	field:u32 flags[TASK_COMM_LEN];	offset:48;	size:64;	signed:0;
        	field:struct file *file;	offset:112;	size:8;	signed:0;
        	field:unsigned char saddr[sizeof(struct sockaddr_in6)];	offset:120;	size:28;	signed:0;

        print fmt: "field:int no_field;	offset:0;	size:4;	signed:1;", REC->prev_pid
        """;

    [Fact]
    public void A_description_gives_the_id_and_the_fields()
    {
        var format = TracepointFormat.Parse("group", "demo", Text)!;
        Assert.Equal(("group", "demo", 372), (format.Group, format.Name, format.Id));
        Assert.Equal(
            [
                new("common_type", "unsigned short", 0, 2, false, TracepointFieldKind.Value, 1),
                new("common_pid", "int", 4, 4, true, TracepointFieldKind.Value, 1),
                new("prev_comm", "char", 8, 16, false, TracepointFieldKind.Array, 16),
                new("prev_pid", "pid_t", 24, 4, true, TracepointFieldKind.Value, 1),
                new("filename", "char", 28, 4, false, TracepointFieldKind.DataLocation, 1),
                new("bits", "unsigned long", 32, 4, false, TracepointFieldKind.RelativeLocation, 1),
                new("path", "const char *", 40, 8, false, TracepointFieldKind.Value, 1),
                new("flags", "u32", 48, 64, false, TracepointFieldKind.Array, 0),
                new("file", "struct file *", 112, 8, false, TracepointFieldKind.Value, 1),
                new("saddr", "unsigned char", 120, 28, false, TracepointFieldKind.Array, 0),
            ],
            format.Fields);
        Assert.True(format.Field("filename")!.IsText && format.Field("prev_comm")!.IsText && format.Field("path")!.IsPointer);
        Assert.False(format.Field("bits")!.IsText || format.Field("path")!.IsText || format.Field("prev_pid")!.IsPointer);
        Assert.Null(format.Field("no_field"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ID: 1\n")]
    [InlineData("field:int a;\toffset:8;\tsize:4;\tsigned:1;\n")]
    [InlineData("ID: x\nfield:int a;\toffset:8;\tsize:4;\tsigned:1;\n")]
    [InlineData("ID: 1\nfield:int a;\toffset:-8;\tsize:4;\tsigned:1;\n")]
    [InlineData("ID: 1\nfield:int a;\toffset:8;\tsize:99999999999;\tsigned:1;\n")]
    [InlineData("ID: 1\nfield:int a;\toffset:8;\tsize:70000;\tsigned:1;\n")]
    [InlineData("ID: 1\nfield:int;\toffset:8;\tsize:4;\tsigned:1;\n")]
    [InlineData("ID: 1\nfield:;\toffset:8;\tsize:4;\tsigned:1;\n")]
    [InlineData("ID: 1\nfield:int a[4;\toffset:8;\tsize:4;\tsigned:1;\n")]
    [InlineData("ID: 1\nfield:int a\n")]
    public void What_is_no_description_is_not_taken_for_one(string text) => Assert.Null(TracepointFormat.Parse("g", "n", text));

    [Fact]
    public void Any_text_is_read_or_refused()
    {
        var random = new Random(20261123);
        int read = 0, refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var text = Text.ToCharArray();
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                text[random.Next(text.Length)] = "\n\t :;[]0a*-"[random.Next(11)];
            }

            if (TracepointFormat.Parse("g", "n", new string(text)) is { } format)
            {
                read++;
                Assert.All(format.Fields, static field => Assert.True(field.Offset is >= 0 and <= 65536 && field.Size is >= 0 and <= 65536 && field.Name.Length > 0));
            }
            else
            {
                refused++;
            }
        }

        Assert.True(read > 1000 && refused > 1000, $"{read} read, {refused} refused");
        Assert.Null(TracepointFormat.Parse("g", "n", "ID: 1\n" + string.Concat(Enumerable.Repeat("field:int a;\toffset:8;\tsize:4;\tsigned:1;\n", 1000))));
    }
}
